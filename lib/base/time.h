// Wall-clock instants and spans, and the texts people write for them. `now` is always an argument.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace everseal::base {

using Time = std::chrono::sys_seconds;
using Seconds = std::chrono::seconds;

constexpr std::int64_t to_unix(Time time) noexcept { return time.time_since_epoch().count(); }
constexpr Time from_unix(std::int64_t seconds) noexcept { return Time(Seconds(seconds)); }

// The one place that reads the wall clock; only `main`, the reconciler and tests call it.
Time wall_clock() noexcept;

// "90d", "36h", "15m", "30s", "2w" and sums such as "1d12h". Positive, at most 100 years; otherwise nullopt.
std::optional<Seconds> parse_duration(std::string_view text);
// The shortest exact text that parse_duration reads back: 129600 s is "36h", 86400 s is "1d".
std::string format_duration(Seconds duration);
// For people: the largest unit that fits, rounded down: "89 days", "5 hours", "1 minute".
std::string approximate(Seconds duration);

std::string format_time(Time time);                     // RFC 3339 in UTC: 2026-11-23T22:11:30Z
std::optional<Time> parse_time(std::string_view text);  // the same form, seconds precision, "Z" only
std::optional<Time> parse_day(std::string_view text);   // "2026-11-23": its first second, in UTC
// Any date-time of RFC 3339 section 5.6, as others write it: fractions are dropped, offsets applied.
std::optional<Time> parse_rfc3339(std::string_view text);

}  // namespace everseal::base
