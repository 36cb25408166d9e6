// The rules for one authority: its CRL is fresh and published.
#pragma once

#include "config/config.h"
#include "inventory/records.h"
#include "plan/decision.h"

#include <optional>
#include <vector>

namespace everseal::plan {

struct AuthorityFacts {
  inventory::AuthorityRecord record;
  bool has_intermediate = true;                 // false: the CSR still waits for the root that lives elsewhere
  std::optional<inventory::CrlRecord> crl;      // newest of the active generation
  base::Seconds crl_lifetime{7 * 86400};
  std::vector<config::Deployment> publish;
  std::vector<inventory::DeploymentRecord> deployments;
  std::vector<inventory::AttemptRecord> attempts;
};

Decision decide(const AuthorityFacts& facts, Time now);

}  // namespace everseal::plan
