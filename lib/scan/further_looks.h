// When an endpoint is asked for what one handshake does not show, by an audit that was not told to ask for it.
#pragma once

#include "base/time.h"

#include <optional>
#include <string_view>

namespace everseal::scan {

// When an endpoint was looked at.
struct FurtherLooks {
  std::optional<base::Time> last;   // further; absent: never
  std::optional<base::Time> first;  // at all
};

// Once a day, at a time of the day that is its own, so that a fleet is not looked at further all at once; one that
// never was waits for that time from its first look on.
bool is_further_look_due(std::string_view endpoint, const FurtherLooks& looks, base::Time now);

}  // namespace everseal::scan
