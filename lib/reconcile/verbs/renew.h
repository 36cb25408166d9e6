#pragma once

#include "reconcile/verb.h"

#include <vector>

namespace everseal::reconcile {

enum class Force { no, yes };

struct RenewRequest {
  std::vector<Name> names;  // empty: whatever is due; named ones are tried now, whatever their back-off
  Force force = Force::no;  // a new version of each, due or not (of all that is kept alive, where none is named)
  bool all = false;         // as if all that is kept alive were named
};

Verdict renew(const Host& host, const RenewRequest& request);

extern const Verb renew_verb;
// What the verb's fields ask for.
RenewRequest renew_request(const base::Options& fields);

}  // namespace everseal::reconcile
