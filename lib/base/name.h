// The name of a managed certificate, an issuer, an authority, a profile or a deployment.
#pragma once

#include <compare>
#include <cstddef>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace everseal::base {

// Matches [a-z0-9_][a-z0-9._-]{0,63}, so it is safe as one component of a path, as a TOML bare key in quotes and on a
// terminal; "." and ".." cannot be written.
class Name {
 public:
  static constexpr std::size_t kLongest = 64;

  Name() = default;
  // `what` names the thing in the message: "certificate name". Throws Error(usage) that states the rule.
  static Name parse(std::string_view text, std::string_view what = "name");
  static bool is_valid(std::string_view text) noexcept;
  // The nearest name to what something is called elsewhere: in lower case, what a name cannot hold as '-',
  // "*.example.org" as "_.example.org". Throws Error(usage) where nothing is left of it.
  static Name made_of(std::string_view text, std::string_view what = "name");

  const std::string& text() const noexcept { return text_; }
  bool empty() const noexcept { return text_.empty(); }
  auto operator<=>(const Name&) const = default;

 private:
  std::string text_;
};

}  // namespace everseal::base

// Takes "{}" alone, and is compiled once: the formatter of text, inherited, is compiled again into every file.
template <>
struct fmt::formatter<everseal::base::Name> {
  constexpr format_parse_context::iterator parse(format_parse_context& context) { return context.begin(); }
  format_context::iterator format(const everseal::base::Name& name, format_context& context) const;
};
