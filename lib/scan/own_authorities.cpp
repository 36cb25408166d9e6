#include "scan/own_authorities.h"

#include "authority/files.h"
#include "inventory/authorities.h"
#include "inventory/certificates.h"

#include <algorithm>

namespace everseal::scan {
namespace {

base::Seconds life_of(const pki::Certificate& certificate) {
  return certificate.not_after() - certificate.not_before() + base::Seconds{1};
}

// The longest life that anything in the config asks for, where an authority has no limit below it.
base::Seconds longest_asked(const config::Config& config) {
  constexpr base::Seconds kUsual{90 * 86'400};
  base::Seconds longest = kUsual;
  for (const auto& [name, profile] : config.profiles) longest = std::max(longest, profile.lifetime.value_or(kUsual));
  for (const auto& [name, certificate] : config.certificates)
    longest = std::max(longest, certificate.lifetime.value_or(kUsual));
  return longest;
}

}  // namespace

OwnAuthorities own_authorities(inventory::Store& store, const config::Config& config) {
  OwnAuthorities own;
  own.known = inventory::Certificates(store).authorities();
  const base::Seconds asked = longest_asked(config);
  inventory::Authorities authorities(store);
  for (const inventory::AuthorityRecord& authority : authorities.all()) {
    const auto found = config.authorities.find(authority.name);
    const config::Authority* const said = found == config.authorities.end() ? nullptr : &found->second;
    const base::Seconds settle = said == nullptr ? config::Authority{.name = authority.name}.settle : said->settle;
    base::Seconds longest_intermediate{};
    const auto certificates = authorities.certificates(authority.name);
    for (const auto& record : certificates) {
      if (record.role != inventory::AuthorityRole::intermediate) continue;
      const pki::Certificate certificate = pki::Certificate::parse(record.der);
      longest_intermediate = std::max(longest_intermediate, life_of(certificate));
      own.signs[certificate.fingerprint()] = {
          said != nullptr && said->longest ? std::min(asked, *said->longest) : asked, settle};
    }
    for (const auto& record : certificates) {
      if (record.role != inventory::AuthorityRole::root) continue;
      own.roots.push_back(pki::Certificate::parse(record.der));
      own.signs[own.roots.back().fingerprint()] = {longest_intermediate, settle};
    }
  }
  return own;
}

std::map<pki::Sha256, std::string> own_crls(inventory::Store& store) {
  std::map<pki::Sha256, std::string> files;
  inventory::Authorities authorities(store);
  for (const inventory::AuthorityRecord& authority : authorities.all())
    for (const auto& record : authorities.certificates(authority.name))
      if (record.role == inventory::AuthorityRole::intermediate)
        files.emplace(pki::Certificate::parse(record.der).spki_pin(),
                      fmt::format("{}/{}", authority::authority_path(store, authority.name), authority::kCrlFile));
  return files;
}

}  // namespace everseal::scan
