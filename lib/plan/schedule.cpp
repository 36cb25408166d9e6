#include "plan/schedule.h"

#include <algorithm>
#include <array>

namespace everseal::plan {

Time renewal_time(Time not_before, Time not_after, double draw) noexcept {
  const Seconds life = not_after - not_before;
  const Seconds left = life < std::chrono::days(10) ? life / 2 : life / 3;
  const auto jitter = Seconds(static_cast<Seconds::rep>(draw * static_cast<double>((life / 20).count())));
  return std::max(not_before, not_after - left - jitter);
}

Time retry_time(int failures, Time now, std::optional<Time> not_after) noexcept {
  using std::chrono::minutes;
  static constexpr std::array<Seconds, 4> steps{minutes(1), minutes(10), minutes(100), std::chrono::days(1)};
  const auto step = static_cast<std::size_t>(std::clamp(failures, 1, 4) - 1);
  Seconds wait = steps[step];
  if (not_after) wait = std::min(wait, std::max<Seconds>(minutes(1), (*not_after - now) / 8));
  return now + wait;
}

}  // namespace everseal::plan
