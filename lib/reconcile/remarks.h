// What stands whatever a run does, and needs a person.
#pragma once

#include "inventory/store.h"
#include "reconcile/verdict.h"

#include <vector>

namespace everseal::reconcile {

// Orphans, with the name that they may have got, and failures that only a person can end; some of each.
std::vector<Remark> standing_remarks(inventory::Store& store);

}  // namespace everseal::reconcile
