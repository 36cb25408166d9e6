#include "base/name.h"

#include "base/error.h"
#include "base/text.h"

#include <algorithm>

namespace everseal::base {

bool Name::is_valid(std::string_view text) noexcept {
  const auto letter_or_digit = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  return !text.empty() && text.size() <= 64 && letter_or_digit(text.front()) &&
         std::ranges::all_of(text, [&](char c) { return letter_or_digit(c) || c == '.' || c == '-'; });
}

Name Name::parse(std::string_view text, std::string_view what) {
  if (!is_valid(text))
    throw Error(Fault::usage, fmt::format("{} '{}' is not allowed", what, printable(text.substr(0, 80))),
                "a name has 1 to 64 lower-case letters, digits, '.', '_' or '-', and begins with a letter, digit or '_'");
  Name name;
  name.text_ = text;
  return name;
}

}  // namespace everseal::base
