#pragma once

#include "reconcile/verb.h"

#include <vector>

namespace everseal::reconcile {

struct VerifyRequest {
  std::vector<Name> names;  // none: all that is managed and has a listener
};
// Looks at every target's listeners once more and records what they serve.
Verdict verify(const Host& host, const VerifyRequest& request);

extern const Verb verify_verb;

}  // namespace everseal::reconcile
