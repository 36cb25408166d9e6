// JSON as a tree of plain values that know their lines.
#pragma once

#include "base/value.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace everseal::audit {

// An object and nothing after it. What is wrong goes to `problems`, with the line: syntax, a key that stands twice,
// null and fractions, which no option takes, and what is nested too deeply. nullopt where no tree can be told.
std::optional<base::Table> parse_json_tree(std::string_view json, const std::string& file, base::Problems& problems);
// The same of the members with these keys alone, at whatever depth; others are passed over, and so is null.
std::optional<base::Table> parse_json_members(std::string_view json, std::span<const std::string_view> keys,
                                              const std::string& file, base::Problems& problems);

}  // namespace everseal::audit
