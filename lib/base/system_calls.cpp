#include "base/system_calls.h"

#include "base/text.h"

#include <array>
#include <climits>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace everseal::base {

std::string path_of(int fd) {
  if (fd == AT_FDCWD) return ".";
  std::array<char, PATH_MAX> text{};
  const ssize_t size = ::readlink(fmt::format("/proc/self/fd/{}", fd).c_str(), text.data(), text.size());
  if (size <= 0) return fmt::format("descriptor {}", fd);
  return {text.data(), static_cast<std::size_t>(size)};
}

std::string shown(const std::string& directory, const std::string& name) {
  return printable(directory.ends_with('/') ? directory + name : directory + "/" + name);
}

Error failure(std::string_view doing, const std::string& what) {
  const int code = errno;
  Error error = errno_error(doing, what);
  if (code == ENOENT) return Error(Fault::not_found, error.message(), error.hint());
  if (code == EEXIST || code == ENOTEMPTY) return Error(Fault::exists, error.message(), error.hint());
  return error;
}

Error failure_at(std::string_view doing, int directory, const std::string& name) {
  const int code = errno;
  const std::string what = shown(path_of(directory), name);
  errno = code;
  return failure(doing, what);
}

}  // namespace everseal::base
