// Finding the managed certificate that a person named.
#pragma once

#include "base/error.h"
#include "inventory/managed.h"
#include "inventory/records.h"
#include "inventory/store.h"
#include "reconcile/host.h"

namespace everseal::reconcile {

// Of a name that is not managed: Error(config) where its table is wrong or may stand in a file that is,
// Error(not_found) with the file that holds it where no run has read that yet.
void require_unsaid(const Host& host, inventory::Store& store, const base::Name& name);
// Where it is not managed: that, or Error(not_found) with the nearest name that is managed.
inventory::ManagedRecord require_managed(const Host& host, inventory::Store& store, const base::Name& name);
// Error(denied) where somebody asked for its removal, which would outlast whatever else is asked for.
void require_not_leaving(inventory::Store& store, const base::Name& name);
// Why nothing is done for what left the config: Error(denied).
base::Error not_kept(const Host& host, inventory::Store& store, const inventory::ManagedRecord& orphan);
// Throws that where it left.
void require_kept(const Host& host, inventory::Store& store, const inventory::ManagedRecord& managed);

}  // namespace everseal::reconcile
