#pragma once

#include "reconcile/verb.h"

#include <optional>

namespace everseal::reconcile {

struct RollbackRequest {
  Name name;
  std::optional<int> to;  // default: the version before the one in use
};
// Goes back and stays there until deploy() or a newer version. Error(denied) where there is no usable version to go
// back to.
Verdict rollback(const Host& host, const RollbackRequest& request);

extern const Verb rollback_verb;

}  // namespace everseal::reconcile
