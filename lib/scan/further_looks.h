// When an endpoint is asked for what one handshake does not show, by an audit that was not told to ask for it.
#pragma once

#include "base/time.h"
#include "inventory/places.h"

#include <string_view>

namespace everseal::scan {

// Once a day, at a time of the day that is its own, so that a fleet is not looked at further all at once; one that
// never was waits for that time from its first look on.
bool is_further_look_due(std::string_view endpoint, const inventory::FurtherLooks& looks, base::Time now);

}  // namespace everseal::scan
