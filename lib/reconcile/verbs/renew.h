#pragma once

#include "reconcile/host.h"
#include "reconcile/verdict.h"

#include <vector>

namespace everseal::reconcile {

enum class Force { no, yes };

struct RenewRequest {
  std::vector<Name> names;  // empty: whatever is due; named ones are tried now, whatever their back-off
  Force force = Force::no;  // a new version of each, due or not (of all that is kept alive, where none is named)
};

Verdict renew(const Host& host, const RenewRequest& request);

}  // namespace everseal::reconcile
