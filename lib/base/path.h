// Paths as text: nothing is looked at.
#pragma once

#include <string_view>

namespace everseal::base {

// Of paths in one form: does `path` lie below `directory`, or is it that itself?
constexpr bool is_at_or_below(std::string_view path, std::string_view directory) noexcept {
  if (directory == "/") return path.starts_with('/');
  return path.starts_with(directory) && (path.size() == directory.size() || path[directory.size()] == '/');
}

}  // namespace everseal::base
