#include "authority/founding.h"

#include "authority/files.h"
#include "authority/upkeep.h"
#include "base/error.h"
#include "base/text.h"
#include "inventory/authorities.h"
#include "inventory/certificates.h"
#include "inventory/events.h"
#include "pki/crl.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::authority {
namespace {

using base::Error;
using base::Fault;

constexpr base::Seconds kFirstCrlLifetime = std::chrono::days{7};

std::string staging_name(const Name& name) { return fmt::format(".{}.new", name); }

std::vector<pki::Certificate> read_certificates(const base::Directory& directory, const std::string& file) {
  const auto text = directory.read(file, kLongestFile);
  return text ? base::within(file, [&] { return pki::Certificate::parse_all(*text); })
              : std::vector<pki::Certificate>{};
}

struct Belongings {
  std::string manifest;
  std::vector<pki::Certificate> root;   // one, or none while it waits
  std::vector<pki::Certificate> chain;  // intermediate first; empty while it waits
  std::optional<pki::Crl> crl;
};

Belongings read_belongings(const base::Directory& directory) {
  require_whole(directory);
  const auto manifest = directory.read(kManifestFile, kLongestFile);
  Belongings all{.manifest = manifest ? std::string(base::as_text(*manifest)) : std::string(),
                 .root = read_certificates(directory, kRootFile),
                 .chain = read_certificates(directory, intermediate_file(kFirstGeneration))};
  if (all.root.empty()) all.chain.clear();
  if (all.chain.empty()) all.root.clear();
  if (const auto der = directory.read(kCrlFile, pki::kLargestCrl)) {
    try {
      pki::Crl crl = pki::Crl::parse(*der);
      if (!all.chain.empty() && pki::is_signed_by(crl, all.chain.front())) all.crl = std::move(crl);
    } catch (const Error& error) {
      if (error.fault() != Fault::invalid) throw;
    }
  }
  return all;
}

void put_certificates(inventory::Authorities& authorities, const Name& name, const base::Directory& directory,
                      const Belongings& all) {
  const pki::Certificate& root = all.root.front();
  authorities.put_certificate({.authority = name,
                               .role = inventory::AuthorityRole::root,
                               .generation = kFirstGeneration,
                               .state = inventory::GenerationState::active,
                               .fingerprint = root.fingerprint(),
                               .der = root.der(),
                               .key_file = directory.has(kRootKeyFile) ? kRootKeyFile : ""});
  const pki::Certificate& intermediate = all.chain.front();
  authorities.put_certificate({.authority = name,
                               .role = inventory::AuthorityRole::intermediate,
                               .generation = kFirstGeneration,
                               .state = inventory::GenerationState::active,
                               .fingerprint = intermediate.fingerprint(),
                               .der = intermediate.der(),
                               .key_file = intermediate_key_file(kFirstGeneration)});
}

}  // namespace

Site open_site(inventory::Store& store, const Name& name) {
  const auto locks = base::Directory::create(store.state() + "/locks", 0700);
  const std::string lock_name = fmt::format("authority-{}", name);
  auto lock = base::FileLock::try_acquire(locks, lock_name);
  if (!lock)
    throw Error(Fault::busy, fmt::format("authority {} is being made by somebody else", name),
                "try again when it is done");
  return {store, name, base::Directory::create(fmt::format("{}/{}", store.state(), kAuthoritiesDirectory), 0700),
          std::move(*lock)};
}

Founded describe(const base::Directory& directory) {
  const Belongings all = read_belongings(directory);
  Founded founded{.directory = directory.path()};
  if (directory.has(kRootPassphraseFile))
    founded.passphrase_file = fmt::format("{}/{}", directory.path(), kRootPassphraseFile);
  if (all.chain.empty()) {
    founded.csr_file = fmt::format("{}/{}", directory.path(), kCsrFile);
  } else {
    founded.root = all.root.front();
    founded.intermediate = all.chain.front();
  }
  return founded;
}

Founded enrol(inventory::Store& store, const Name& name, const base::Directory& directory, Time now) {
  const Belongings all = read_belongings(directory);
  const bool waits = all.chain.empty();
  store.transaction([&] {
    inventory::Authorities authorities(store);
    authorities.put({.name = name, .settings = all.manifest, .crl_dirty = false});
    std::vector<std::pair<std::string, std::string>> detail;
    if (!waits) {
      std::vector<pki::Certificate> certificates = all.chain;
      certificates.push_back(all.root.front());
      inventory::Certificates(store).add(certificates, now);
      put_certificates(authorities, name, directory, all);
      detail = {{"root", all.root.front().fingerprint().text()},
                {"intermediate", all.chain.front().fingerprint().text()},
                {"not_after", base::format_time(all.chain.front().not_after())}};
    }
    const auto newest = authorities.newest_crl(name, kFirstGeneration);
    if (all.crl && all.crl->number && all.crl->next_update && (!newest || newest->number < *all.crl->number))
      authorities.put_crl(
          {name, kFirstGeneration, *all.crl->number, all.crl->this_update, *all.crl->next_update, all.crl->der});
    inventory::Events(store).add(waits ? "authority.prepared" : "authority.created", fmt::format("authority/{}", name),
                                 detail, now, inventory::Chain::ca);
  });
  return describe(directory);
}

Founded found(Site& site, const std::string& manifest, const std::function<void(const base::Directory&)>& build,
              const std::function<void(const base::Directory&)>& check, Time now) {
  if (inventory::Authorities(site.store).find(site.name))
    throw Error(Fault::exists, fmt::format("authority {} exists already", site.name), "`everseal ca list` shows it");
  if (const auto existing = site.authorities.subdirectory_if_exists(site.name.text())) {
    const auto found = existing->read(kManifestFile, kLongestFile);
    if (!found || base::as_text(*found) != manifest)
      throw Error(Fault::exists,
                  fmt::format("{} holds another authority that the database does not know", existing->path()),
                  "`everseal doctor --rebuild` takes it up; or move it away");
    check(*existing);
    Founded founded = enrol(site.store, site.name, *existing, now);
    founded.finished_earlier_run = true;
    return founded;
  }
  const std::string staging = staging_name(site.name);
  site.authorities.remove_tree(staging);
  const base::Directory growing = site.authorities.create_subdirectory(staging, 0700);
  build(growing);
  growing.write_new(kManifestFile, base::as_bytes(manifest));
  growing.sync();
  site.authorities.rename(staging, site.name.text());
  return enrol(site.store, site.name, site.authorities.subdirectory(site.name.text()), now);
}

void write_certificates(const base::Directory& directory, const std::string& file,
                        std::span<const pki::Certificate> certificates) {
  std::string text;
  for (const pki::Certificate& certificate : certificates) text += certificate.pem();
  directory.replace(file, base::as_bytes(text), {.mode = 0644});
}

void write_first_crl(const base::Directory& directory, const pki::Certificate& issuer, const pki::Signer& key,
                     Time now) {
  const pki::CrlRequest request{.number = static_cast<std::uint64_t>(std::max<std::int64_t>(base::to_unix(now), 1)),
                                .this_update = std::max(now - std::chrono::minutes{5}, issuer.not_before()),
                                .next_update = now + kFirstCrlLifetime,
                                .entries = {}};
  directory.replace(kCrlFile, pki::make_crl(request, issuer, key), {.mode = 0644});
}

}  // namespace everseal::authority
