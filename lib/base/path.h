// Paths as text: nothing is looked at.
#pragma once

#include <string_view>

namespace everseal::base {

// The directory that Everseal makes beside the files that it deploys.
inline constexpr const char* kOwnDirectory = ".everseal";

// Of paths in one form: does `path` lie below `directory`, or is it that itself? A slash at the end of `directory` is
// none of its name.
constexpr bool is_at_or_below(std::string_view path, std::string_view directory) noexcept {
  if (directory.ends_with('/')) directory.remove_suffix(1);
  return path.starts_with(directory) && (path.size() == directory.size() || path[directory.size()] == '/');
}

}  // namespace everseal::base
