// Finding the managed certificate that a person named.
#pragma once

#include "inventory/managed.h"
#include "inventory/records.h"
#include "inventory/store.h"

namespace everseal::reconcile {

// Error(not_found) with the nearest name that is managed.
inventory::ManagedRecord require_managed(inventory::Store& store, const base::Name& name);
// Error(denied) where somebody asked for its removal, which would outlast whatever else is asked for.
void require_not_leaving(inventory::Store& store, const base::Name& name);
// Error(denied) where it left the config.
void require_kept(const inventory::ManagedRecord& managed);

}  // namespace everseal::reconcile
