// Whole numbers as digits.
#pragma once

#include <charconv>
#include <concepts>
#include <optional>
#include <string_view>
#include <system_error>

namespace everseal::base {

// The number that `text` is, all of it: no blanks, no plus sign, a minus only of a signed type, nothing that Number
// cannot hold.
template <std::integral Number>
std::optional<Number> parse_number(std::string_view text, int radix = 10) noexcept {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, radix);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace everseal::base
