#include "plan/schedule.h"

#include <algorithm>
#include <array>

namespace everseal::plan {
namespace {

bool is_short(Seconds life) noexcept { return life < std::chrono::days(10); }

}  // namespace

Time renewal_time(Time not_before, Time not_after, double draw) noexcept {
  const Seconds life = not_after - not_before;
  const Seconds left = is_short(life) ? life / 2 : life / 3;
  const auto jitter = Seconds(static_cast<Seconds::rep>(draw * static_cast<double>((life / 20).count())));
  return std::max(not_before, not_after - left - jitter);
}

Time time_within(Time start, Time end, double draw) noexcept {
  return start + Seconds(static_cast<Seconds::rep>(draw * static_cast<double>((end - start).count())));
}

Time latest_renewal(Time not_before, Time not_after) noexcept {
  const Seconds life = not_after - not_before;
  return not_after - (is_short(life) ? life / 4 : life / 6);
}

Seconds least_age(Time not_before, Time not_after) noexcept {
  return std::min<Seconds>(std::chrono::days(1), (not_after - not_before) / 8);
}

Time ask_again_time(int failures, Time now) noexcept {
  using std::chrono::minutes;
  static constexpr std::array<Seconds, 4> steps{minutes(1), minutes(10), minutes(60), minutes(360)};
  return now + steps[static_cast<std::size_t>(std::clamp(failures, 1, 4) - 1)];
}

Time retry_time(int failures, Time now, std::optional<Validity> in_use, std::optional<Time> asked) noexcept {
  using std::chrono::minutes;
  static constexpr std::array<Seconds, 4> steps{minutes(1), minutes(10), minutes(60), std::chrono::days(1)};
  Seconds wait = steps[static_cast<std::size_t>(std::clamp(failures, 1, 4) - 1)];
  if (in_use) {
    const Seconds floor = std::min<Seconds>(minutes(60), (in_use->not_after - in_use->not_before) / 24);
    wait = std::min(wait, std::max<Seconds>(floor, (in_use->not_after - now) / 8));
  }
  return std::max(now + std::max(wait, Seconds(1)), asked.value_or(now));
}

}  // namespace everseal::plan
