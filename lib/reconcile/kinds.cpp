#include "reconcile/kinds.h"

#include "challenge/challenge.h"
#include "deploy/deploy.h"
#include "dns/dns.h"
#include "inventory/authorities.h"
#include "issuer/issuer.h"
#include "probe/starttls.h"

namespace everseal::reconcile {

config::Kinds config_kinds(std::vector<base::Name> known_authorities) {
  config::Kinds kinds;
  for (const issuer::Kind* kind : issuer::kinds()) kinds.issuer.push_back({kind->name, kind->options, kind->check});
  for (const deploy::Kind* kind : deploy::kinds()) kinds.deploy.push_back({kind->name, kind->options, kind->check});
  for (const challenge::Kind* kind : challenge::kinds())
    kinds.challenge.push_back({kind->name, kind->options, nullptr, kind->provider == challenge::NeedsProvider::yes});
  for (const dns::Kind* kind : dns::kinds()) kinds.dns.push_back({kind->name, kind->options, nullptr});
  for (const probe::Starttls* protocol : probe::starttls_protocols()) kinds.starttls.emplace_back(protocol->name);
  kinds.known_authorities = std::move(known_authorities);
  return kinds;
}

std::vector<base::Name> authority_names(inventory::Store& store) {
  std::vector<base::Name> names;
  for (const inventory::AuthorityRecord& record : inventory::Authorities(store).all()) names.push_back(record.name);
  return names;
}

config::Config read_config(const config::Files& files, inventory::Store& store, std::vector<base::Name> also) {
  const std::vector<base::Name> names = authority_names(store);
  also.insert(also.end(), names.begin(), names.end());
  return config::parse_or_throw(config::read(files), config_kinds(std::move(also)));
}

}  // namespace everseal::reconcile
