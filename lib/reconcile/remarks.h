// What stands whatever a run does, and needs a person.
#pragma once

#include "inventory/store.h"
#include "reconcile/host.h"
#include "reconcile/verdict.h"

#include <vector>

namespace everseal::reconcile {

// That `managed`, which is orphaned, is.
Remark orphan_remark(const Host& host, inventory::Store& store, const inventory::ManagedRecord& managed);

// Files that look like the config and are not read, orphans, with the name that they may have got, failures that only a
// person can end, and those that wait, of which `told` says nothing; some of each, and how many more there are.
std::vector<Remark> standing_remarks(const Host& host, inventory::Store& store, const std::vector<Outcome>& told);

}  // namespace everseal::reconcile
