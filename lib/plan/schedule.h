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

// How soon an untrusted clock is looked at again.
inline constexpr Seconds kClockIsLookedAt = std::chrono::minutes(10);

struct Validity {
  Time not_before;
  Time not_after;
};

// When to try again after `failures` in a row: now + max(what the peer asked, min(step, max(floor, left / 8))), with
// steps of 1, 10 and 60 minutes, then a day, and a floor of min(1 h, life / 24), so that it stays a floor also when
// nothing is left. `in_use` is absent where nothing is in use yet: then the step alone counts. `asked` is the time until
// which a peer wants to be left alone (a Retry-After).
Time retry_time(int failures, Time now, std::optional<Validity> in_use,
                std::optional<Time> asked = std::nullopt) noexcept;

}  // namespace everseal::plan
