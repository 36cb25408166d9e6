// What the files of this module share about system calls: repeating, and saying what failed.
#pragma once

#include "base/error.h"

#include <cerrno>
#include <string>
#include <string_view>

namespace everseal::base {

template <class Call>
auto retried(Call call) {
  for (;;) {
    const auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

// What a descriptor stands for, for messages only.
std::string path_of(int fd);
// "DIRECTORY/NAME", printable.
std::string shown(const std::string& directory, const std::string& name);

// The Error of the current errno: not_found for ENOENT, exists for EEXIST and ENOTEMPTY, io otherwise.
Error failure(std::string_view doing, const std::string& what);
Error failure_at(std::string_view doing, int directory, const std::string& name);

}  // namespace everseal::base
