// The paths below a directory as a range of an index. For inventory only.
#pragma once

#include <string>

namespace everseal::inventory {

// What stands at `root` or below it lies from `root` on and before `behind`, and is `root` or begins with `folder`.
struct Below {
  std::string folder, behind;
};
inline Below below(const std::string& root) {
  const std::string folder = root.ends_with('/') ? root : root + "/";
  return {folder, folder.substr(0, folder.size() - 1) + "0"};  // which comes next to '/'
}

}  // namespace everseal::inventory
