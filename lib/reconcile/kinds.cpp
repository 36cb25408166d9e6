#include "reconcile/kinds.h"

#include "deploy/deploy.h"
#include "issuer/issuer.h"
#include "probe/starttls.h"

namespace everseal::reconcile {

config::Kinds config_kinds(std::vector<base::Name> known_authorities) {
  config::Kinds kinds;
  for (const issuer::Kind* kind : issuer::kinds()) kinds.issuer.push_back({kind->name, kind->options, nullptr});
  for (const deploy::Kind* kind : deploy::kinds()) kinds.deploy.push_back({kind->name, kind->options, kind->check});
  for (const probe::Starttls* protocol : probe::starttls_protocols()) kinds.starttls.emplace_back(protocol->name);
  kinds.known_authorities = std::move(known_authorities);
  return kinds;
}

}  // namespace everseal::reconcile
