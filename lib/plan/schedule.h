// Arithmetic of windows and back-off. All fixed intervals shrink with short lives.
#pragma once

#include "base/time.h"

#include <optional>

namespace everseal::plan {

using base::Seconds;
using base::Time;

// When to renew: at one third of the life left (half under 10 days), earlier by `draw` (in [0, 1)) of a twentieth of
// the life.
Time renewal_time(Time not_before, Time not_after, double draw) noexcept;

// The instant at `draw` (in [0, 1)) of the way from `start` to `end`.
Time time_within(Time start, Time end, double draw) noexcept;

// The life left at which renewal information is overridden: half of that at which a renewal is due without any.
Time latest_renewal(Time not_before, Time not_after) noexcept;

// How long a certificate of this life is kept at least before the clock alone may replace it for the second time: a
// day, or an eighth of its life.
Seconds least_age(Time not_before, Time not_after) noexcept;

// When to ask for renewal information again after `failures` in a row: growing from a minute to 6 hours.
Time ask_again_time(int failures, Time now) noexcept;

// When to try again after `failures` in a row: 1, 10, 100 minutes, then daily, but never later than after one eighth of
// the life that is left (at least one minute). `not_after` is absent where nothing is in use yet. A peer that asked to
// be left alone until `asked` is, within the same bound, or a week where nothing is in use.
Time retry_time(int failures, Time now, std::optional<Time> not_after,
                std::optional<Time> asked = std::nullopt) noexcept;

}  // namespace everseal::plan
