// Arithmetic of windows and back-off. All fixed intervals shrink with short lives.
#pragma once

#include "base/time.h"

#include <optional>

namespace everseal::plan {

using base::Seconds;
using base::Time;

// When to renew: at one third of the life left (half under 10 days), earlier by `draw` (in [0, 1)) of a twentieth of the life.
Time renewal_time(Time not_before, Time not_after, double draw) noexcept;

// When to try again after `failures` in a row: 1, 10, 100 minutes, then daily, but never later than after one eighth of the life
// that is left (at least one minute). `not_after` is absent where nothing is in use yet.
Time retry_time(int failures, Time now, std::optional<Time> not_after) noexcept;

}  // namespace everseal::plan
