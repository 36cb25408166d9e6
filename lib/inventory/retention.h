// What has ended is remembered for a time (kRemembered), then taken away.
#pragma once

#include "inventory/records.h"
#include "inventory/store.h"

namespace everseal::inventory {

// Takes away rows that nothing needs any more: events of `run`, certificates and the serials of theirs, requests that
// were done, what the audit saw. A few thousand at most, so that no run waits long; the next one goes on. Versions go by a decision of
// their certificate, as they have files. Not while the clock is not trusted.
void prune(Store& store, Time now);

}  // namespace everseal::inventory
