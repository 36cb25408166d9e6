// What stands whatever a run does, and needs a person.
#pragma once

#include "inventory/store.h"
#include "reconcile/verdict.h"

#include <vector>

namespace everseal::reconcile {

// Orphans, with the name that they may have got, failures that only a person can end, and those that wait, of which
// `told` says nothing; some of each, and how many more there are.
std::vector<Remark> standing_remarks(inventory::Store& store, const std::vector<Outcome>& told);

}  // namespace everseal::reconcile
