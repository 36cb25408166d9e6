// Whether the wall clock can be believed before something is signed or ordered.
#pragma once

#include "inventory/store.h"

namespace everseal::inventory {

// Throws Error(clock) where `now` lies before `build_date`, or more than a minute before the newest event: then the
// clock is wrong, or was when that event was recorded.
void require_trusted_clock(Store& store, base::Time now, base::Time build_date);

}  // namespace everseal::inventory
