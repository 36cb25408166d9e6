#include "base/time.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>

#include <fmt/format.h>

namespace everseal::base {
namespace {

struct Unit {
  char letter;
  std::int64_t seconds;
  std::string_view name;
};
constexpr std::array<Unit, 5> kUnits{
    {{'w', 604800, "week"}, {'d', 86400, "day"}, {'h', 3600, "hour"}, {'m', 60, "minute"}, {'s', 1, "second"}}};
constexpr std::int64_t kLongest = std::int64_t{100} * 366 * 86400;

// Reads exactly `count` digits.
std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) {
  if (at + count > text.size()) return std::nullopt;
  int value = 0;
  for (std::size_t i = at; i < at + count; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

}  // namespace

Time wall_clock() noexcept { return std::chrono::floor<Seconds>(std::chrono::system_clock::now()); }

std::optional<Seconds> parse_duration(std::string_view text) {
  std::int64_t total = 0;
  const char* at = text.data();
  const char* const end = at + text.size();
  if (at == end) return std::nullopt;
  while (at != end) {
    std::int64_t count = 0;
    const auto [next, error] = std::from_chars(at, end, count);
    if (error != std::errc() || next == end || count < 0 || count > kLongest) return std::nullopt;
    std::int64_t unit = 0;
    for (const Unit& u : kUnits)
      if (u.letter == *next) unit = u.seconds;
    if (unit == 0) return std::nullopt;
    total += count * unit;
    if (total > kLongest) return std::nullopt;
    at = next + 1;
  }
  if (total <= 0) return std::nullopt;
  return Seconds(total);
}

std::string format_duration(Seconds duration) {
  const std::int64_t seconds = duration.count();
  for (const Unit& unit : kUnits)
    if (unit.letter != 'w' && seconds % unit.seconds == 0)
      return fmt::format("{}{}", seconds / unit.seconds, unit.letter);
  return fmt::format("{}s", seconds);
}

std::string approximate(Seconds duration) {
  const std::int64_t seconds = std::abs(duration.count());
  for (const Unit& unit : kUnits) {
    if (unit.letter == 'w' || seconds < unit.seconds) continue;
    const std::int64_t count = seconds / unit.seconds;
    return fmt::format("{} {}{}", count, unit.name, count == 1 ? "" : "s");
  }
  return "0 seconds";
}

std::string format_time(Time time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count());
}

std::optional<Time> parse_time(std::string_view text) {
  if (text.size() != 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':' ||
      text[19] != 'Z')
    return std::nullopt;
  const auto year = digits(text, 0, 4), month = digits(text, 5, 2), day = digits(text, 8, 2);
  const auto hour = digits(text, 11, 2), minute = digits(text, 14, 2), second = digits(text, 17, 2);
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
  return Time(std::chrono::sys_days(date)) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
         Seconds(*second);
}

std::optional<Time> parse_day(std::string_view text) { return parse_time(std::string(text) + "T00:00:00Z"); }

std::optional<Time> parse_rfc3339(std::string_view text) {
  constexpr std::size_t kSeconds = 19;  // "2026-11-23T22:11:30"
  if (text.size() <= kSeconds) return std::nullopt;
  std::string plain(text.substr(0, kSeconds));
  if (plain[10] == 't' || plain[10] == ' ') plain[10] = 'T';
  const std::optional<Time> local = parse_time(plain + "Z");
  std::size_t at = kSeconds;
  if (text[at] == '.') {
    const std::size_t end = std::min(text.find_first_not_of("0123456789", at + 1), text.size());
    if (end == at + 1) return std::nullopt;
    at = end;
  }
  const std::string_view offset = text.substr(at);
  if (!local || offset == "Z" || offset == "z") return local;
  if (offset.size() != 6 || (offset[0] != '+' && offset[0] != '-') || offset[3] != ':') return std::nullopt;
  const auto hours = digits(offset, 1, 2), minutes = digits(offset, 4, 2);
  if (!hours || !minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  const Seconds east = std::chrono::hours(*hours) + std::chrono::minutes(*minutes);
  return offset[0] == '+' ? *local - east : *local + east;
}

}  // namespace everseal::base
