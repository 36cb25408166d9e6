#include "base/time.h"

#include <doctest/doctest.h>

using namespace everseal::base;
using namespace std::string_view_literals;

TEST_CASE("durations are read and written") {
  struct Case {
    std::string_view text;
    std::int64_t seconds;
    std::string_view shortest;
  };
  for (const auto& [text, seconds, shortest] :
       {Case{"30s", 30, "30s"}, Case{"15m", 900, "15m"}, Case{"36h", 129600, "36h"}, Case{"90d", 7776000, "90d"},
        Case{"2w", 1209600, "14d"}, Case{"1d12h", 129600, "36h"}, Case{"24h", 86400, "1d"}, Case{"1h1s", 3601, "3601s"},
        Case{"100w", 60480000, "700d"}}) {
    CAPTURE(text);
    CHECK(parse_duration(text) == Seconds(seconds));
    CHECK(format_duration(Seconds(seconds)) == shortest);
    CHECK(parse_duration(shortest) == Seconds(seconds));
  }
}

TEST_CASE("what is no positive duration within a century is refused") {
  for (const auto text :
       {""sv, "0s"sv, "0d0h"sv, "90"sv, "d"sv, "-1d"sv, "+1d"sv, "1.5d"sv, "1 d"sv, " 1d"sv, "1d "sv, "1D"sv, "1y"sv,
        "1d\0"sv, "99999999999d"sv, "9223372036854775807s"sv, "99999999999999999999s"sv, "36600d1s"sv, "1/3"sv}) {
    CAPTURE(text);
    CHECK_FALSE(parse_duration(text));
  }
  CHECK(parse_duration("36600d") == Seconds(std::int64_t{36600} * 86400));
}

TEST_CASE("approximations are rounded down to one unit") {
  CHECK(approximate(Seconds(0)) == "0 seconds");
  CHECK(approximate(Seconds(1)) == "1 second");
  CHECK(approximate(Seconds(59)) == "59 seconds");
  CHECK(approximate(Seconds(60)) == "1 minute");
  CHECK(approximate(Seconds(86399)) == "23 hours");
  CHECK(approximate(Seconds(86400 * 90 - 1)) == "89 days");
  CHECK(approximate(Seconds(-7200)) == "2 hours");
}

TEST_CASE("instants are RFC 3339 in UTC") {
  struct Case {
    std::int64_t seconds;
    std::string_view text;
  };
  for (const auto& [seconds, text] :
       {Case{0, "1970-01-01T00:00:00Z"}, Case{1795471890, "2026-11-23T22:11:30Z"},
        Case{951782400, "2000-02-29T00:00:00Z"}, Case{-1, "1969-12-31T23:59:59Z"},
        Case{253402300799, "9999-12-31T23:59:59Z"}, Case{2147483648, "2038-01-19T03:14:08Z"}}) {
    CAPTURE(text);
    CHECK(format_time(from_unix(seconds)) == text);
    CHECK(parse_time(text) == from_unix(seconds));
    CHECK(to_unix(from_unix(seconds)) == seconds);
  }
  for (const auto text :
       {""sv, "2026-11-23"sv, "2026-11-23T22:11:30"sv, "2026-11-23T22:11:30+00:00"sv, "2026-11-23t22:11:30z"sv,
        "2026-02-29T00:00:00Z"sv, "2026-13-01T00:00:00Z"sv, "2026-00-01T00:00:00Z"sv, "2026-11-23T24:00:00Z"sv,
        "2026-11-23T22:60:00Z"sv, "2026-11-23T22:11:60Z"sv, "2026-11-23 22:11:30Z"sv, "+026-11-23T22:11:30Z"sv,
        "2026-11-23T22:11:3\0Z"sv, "2026-11-23T22:11:30.0Z"sv}) {
    CAPTURE(text);
    CHECK_FALSE(parse_time(text));
  }
}
