// What a run sees although nothing is due: what is gone from the disk.
#pragma once

#include "inventory/store.h"
#include "reconcile/host.h"

namespace everseal::reconcile {

// Looks, in two or three system calls each, whether live links, keys, deployed files and CRLs of what is in use stand,
// and wakes the subjects of those that do not. At most some thousands a run; with more the next run goes on from there.
void wake_what_was_lost(const Host& host, inventory::Store& store);

// Is the authority's crl.der, octet for octet, its newest CRL?
bool crl_stands(const std::string& state, inventory::Store& store, const Name& authority);

}  // namespace everseal::reconcile
