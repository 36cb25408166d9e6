// The rights to a state, taken as the host says: the store, which many share, the lease of the one reconciler, and one
// subject. Each waits, with a sign of life, as `Host::wait` says; Error(busy) names who has it when the time is up,
// Error(cancelled) where the host is asked to stop. Where both are needed the lease is taken before the store.
#pragma once

#include "base/lock.h"
#include "inventory/store.h"
#include "inventory/subjects.h"
#include "reconcile/host.h"

namespace everseal::reconcile {

inventory::Store open_store(const Host& host, sql::Access access);
// Makes it where it is missing.
inventory::Store create_store(const Host& host);
// The wait for the store's rights, for those who take them themselves.
base::LockWait store_wait(const Host& host);

// The lease: held by an agent or by one run at a time.
base::FileLock lock_reconciler(const Host& host);
// Held while steps of one subject are taken; without bound.
base::FileLock lock_subject(const Host& host, const inventory::SubjectId& subject);

}  // namespace everseal::reconcile
