// The attributes that a distinguished name may hold, with their string types and upper bounds (RFC 5280 appendix A.1).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::pki {

struct Attribute {
  enum class Text { utf8, printable, ia5, country };
  std::string_view name;  // as written: "CN"
  const char* oid;
  std::size_t longest;  // in characters
  Text text;
};

const Attribute* find_attribute(std::string_view name) noexcept;  // in any case
const Attribute* find_attribute_by_oid(std::string_view oid) noexcept;
std::vector<std::string> attribute_names();

// The rule that `value` breaks as a value of `attribute`; nullopt where it breaks none.
std::optional<std::string> broken_rule(const Attribute& attribute, std::string_view value);

}  // namespace everseal::pki
