#include "moments.h"

#include "base/error.h"
#include "base/text.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::cli {
namespace {

base::Time moment(const std::string& text, std::string_view option, base::Time now) {
  if (const auto ago = base::parse_duration(text)) return now - *ago;
  if (const auto time = base::parse_rfc3339(text)) return *time;
  throw base::Error(base::Fault::usage, fmt::format("{}: '{}' is no time", option, base::printable(text.substr(0, 80))),
                    "write 7d, 2026-11-30 or 2026-11-30T08:00:00Z");
}

}  // namespace

base::Time begin_argument(const std::string& text, std::string_view option, base::Time now) {
  const auto day = base::parse_day(text);
  const base::Time begin = day ? *day : moment(text, option, now);
  if (begin > now)
    throw base::Error(base::Fault::usage,
                      fmt::format("{}: {} is still to come", option, base::printable(text.substr(0, 80))),
                      "nothing is known of then; name a time that has passed");
  return begin;
}

base::Time end_argument(const std::string& text, std::string_view option, base::Time now) {
  const auto day = base::parse_day(text);
  return std::min(now, day ? *day + base::Seconds{86400} : moment(text, option, now));
}

}  // namespace everseal::cli
