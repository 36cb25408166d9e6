// What was recorded while the clock was ahead.
#pragma once

#include "inventory/records.h"
#include "inventory/store.h"

#include <cstdint>

namespace everseal::inventory {

// Times that say when something happened, and lie after `now`, become `now`; what such a failure waits for may be tried
// at once; every subject that rests is decided again; a CRL that begins in the future is due anew. Times that a CA set
// stay, and so does the history. Within the caller's transaction, or in one of its own. Gives the number of rows.
std::int64_t clip_future(Store& store, Time now);

}  // namespace everseal::inventory
