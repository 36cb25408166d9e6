#include "base/number.h"

#include <cstdint>
#include <string_view>

#include <doctest/doctest.h>

namespace everseal::base {

TEST_CASE("a whole number is read where the text is one, and fits") {
  CHECK(parse_number<int>("0") == 0);
  CHECK(parse_number<int>("-12") == -12);
  CHECK(parse_number<int>("007") == 7);
  CHECK(parse_number<std::uint16_t>("65535") == 65535);
  CHECK(parse_number<std::int64_t>("9223372036854775807") == INT64_MAX);
  CHECK(parse_number<unsigned>("0644", 8) == 0644);
}

TEST_CASE("what is no whole number, or does not fit, is none") {
  for (const std::string_view text :
       {"", " 1", "1 ", "+1", "1.0", "1e3", "0x10", "seven", "2147483648", "--1", "1\n"}) {
    CAPTURE(text);
    CHECK(parse_number<int>(text) == std::nullopt);
  }
  CHECK(parse_number<std::uint16_t>("65536") == std::nullopt);
  CHECK(parse_number<std::uint16_t>("-1") == std::nullopt);
  CHECK(parse_number<unsigned>("8", 8) == std::nullopt);
}

}  // namespace everseal::base
