#include "base/name.h"

#include "base/error.h"
#include "base/text.h"

#include <algorithm>

namespace everseal::base {

namespace {

bool may_begin(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; }
bool may_follow(char c) noexcept { return may_begin(c) || c == '.' || c == '-'; }

}  // namespace

bool Name::is_valid(std::string_view text) noexcept {
  return !text.empty() && text.size() <= kLongest && may_begin(text.front()) && std::ranges::all_of(text, may_follow);
}

Name Name::made_of(std::string_view text, std::string_view what) {
  std::string name = lower(text);
  if (name.starts_with("*.")) name.front() = '_';
  for (char& c : name)
    if (!may_follow(c)) c = '-';
  name.erase(0, static_cast<std::size_t>(std::ranges::find_if(name, may_begin) - name.begin()));
  return parse(name.empty() ? text : std::string_view(name).substr(0, kLongest), what);
}

Name Name::parse(std::string_view text, std::string_view what) {
  if (!is_valid(text))
    throw Error(
        Fault::usage, fmt::format("{} '{}' is not allowed", what, printable(text.substr(0, 80))),
        fmt::format("a name has 1 to {} lower-case letters, digits, '.', '_' or '-', and begins with a letter, digit "
                    "or '_'",
                    kLongest));
  Name name;
  name.text_ = text;
  return name;
}

}  // namespace everseal::base

fmt::format_context::iterator fmt::formatter<everseal::base::Name>::format(const everseal::base::Name& name,
                                                                           format_context& context) const {
  return std::ranges::copy(name.text(), context.out()).out;
}
