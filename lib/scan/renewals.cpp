#include "scan/renewals.h"

#include "base/error.h"
#include "challenge/choice.h"
#include "inventory/accounts.h"
#include "issuer/acme_ca.h"
#include "issuer/known_directory.h"
#include "issuer/methods.h"
#include "net/fetch.h"

#include <map>
#include <set>

namespace everseal::scan {
namespace {

constexpr std::string_view kWildcard = "*.";

// One ACME issuer of the config, opened once.
struct Ca {
  std::vector<std::string> identities;
  std::string host;  // of its directory
  std::string account;
  std::vector<challenge::Method> methods;
  std::optional<challenge::Choice> choice;
};

class Cas {
 public:
  Cas(const config::Settings& settings, std::span<const challenge::Method> configured, inventory::Store& store)
      : settings_(settings), configured_(configured), store_(store) {}

  // Null where it is no ACME issuer, or one that cannot be used.
  const Ca* find(const base::Name& name) {
    const auto issuer = settings_.issuers.find(name);
    if (issuer == settings_.issuers.end() || issuer->second.type != issuer::kAcme) return nullptr;
    const auto [known, is_new] = cas_.try_emplace(name);
    if (!is_new) return known->second ? &*known->second : nullptr;
    try {
      const base::Options& options = issuer->second.options;
      Ca ca;
      const std::string directory = options.string("directory");
      ca.identities = issuer::known_caa_identities(store_, directory);
      ca.host = net::fetched_host(directory).value_or("");
      if (const auto account = inventory::Accounts(store_).find(name, directory)) ca.account = account->url;
      ca.methods = issuer::methods_of(options, configured_);
      known->second.emplace(std::move(ca));
      known->second->choice.emplace(known->second->methods);
    } catch (const base::Error&) {
      return nullptr;  // `config check` and `plan` say so
    }
    return &*known->second;
  }

 private:
  const config::Settings& settings_;
  std::span<const challenge::Method> configured_;
  inventory::Store& store_;
  std::map<base::Name, std::optional<Ca>> cas_;
};

}  // namespace

std::string RenewedName::name() const { return text.starts_with(kWildcard) ? text.substr(kWildcard.size()) : text; }

std::vector<RenewedName> renewed_names(const config::Config& config, std::span<const challenge::Method> configured,
                                       inventory::Store& store, const std::string& environment) {
  Cas cas(config, configured, store);
  std::vector<RenewedName> names;
  std::set<std::string> seen;
  for (const auto& [name, certificate] : config.certificates) {
    if (!environment.empty() && certificate.environment != environment) continue;
    for (const pki::Identifier& identifier : certificate.identifiers) {
      if (identifier.kind() != pki::IdentifierKind::dns || !seen.insert(identifier.text()).second) continue;
      RenewedName wanted{identifier.text(), name, certificate.environment, certificate.team, {}, false};
      for (const base::Name& issuer : certificate.issuers) {
        const Ca* const ca = cas.find(issuer);
        if (ca == nullptr) continue;
        const challenge::Method* const method = ca->choice->first_for(identifier);
        audit::Renewing renewing{issuer.text(),
                                 ca->identities,
                                 ca->host,
                                 ca->account,
                                 method == nullptr ? "" : method->type,
                                 issuer == certificate.issuers.front()};
        wanted.by_dns = wanted.by_dns || renewing.method == "dns-01";
        wanted.issuers.push_back(std::move(renewing));
      }
      if (!wanted.issuers.empty()) names.push_back(std::move(wanted));
    }
  }
  return names;
}

}  // namespace everseal::scan
