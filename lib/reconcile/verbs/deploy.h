#pragma once

#include "reconcile/host.h"
#include "reconcile/verdict.h"

#include <optional>
#include <vector>

namespace everseal::reconcile {

struct DeployRequest {
  Name name;
};
// Puts the newest version in place at every target, also where it stands already, and ends a manual rollback's hold.
Verdict deploy(const Host& host, const DeployRequest& request);

struct RollbackRequest {
  Name name;
  std::optional<int> to;  // default: the version before the one in use
};
// Goes back and stays there until deploy() or a newer version. Error(denied) where there is no usable version to go
// back to.
Verdict rollback(const Host& host, const RollbackRequest& request);

struct VerifyRequest {
  std::vector<Name> names;  // none: all that is managed and has a listener
};
// Looks at every target's listeners once more and records what they serve.
Verdict verify(const Host& host, const VerifyRequest& request);

}  // namespace everseal::reconcile
