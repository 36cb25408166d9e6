#pragma once

#include "inventory/store.h"
#include "reconcile/host.h"
#include "reconcile/verdict.h"

#include <vector>

namespace everseal::reconcile {

enum class Force { no, yes };

struct RenewRequest {
  std::vector<Name> names;  // empty: whatever is due; named ones are tried now, whatever their back-off
  Force force = Force::no;  // a new version of each, due or not (of all, where none is named)
};

Verdict renew(const Host& host, const RenewRequest& request);

// Ends the back-off of one certificate, its targets included.
void retry_now(inventory::Store& store, const Name& name, Time now);

}  // namespace everseal::reconcile
