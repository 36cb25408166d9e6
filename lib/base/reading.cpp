#include "base/reading.h"

#include "base/error.h"
#include "base/system_calls.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace everseal::base {

Bytes read_to_end(int fd, std::size_t limit, const std::string& what) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) throw errno_error("read", what);
  const std::size_t announced = status.st_size > 0 ? static_cast<std::size_t>(status.st_size) : 0;
  Bytes bytes(std::min(std::max<std::size_t>(announced, 4095), limit) + 1);
  std::size_t size = 0;
  for (;;) {
    if (size == bytes.size()) {
      Bytes larger(std::min(bytes.size() * 2, limit + 1));
      std::ranges::copy(bytes, larger.begin());
      wipe(bytes.data(), bytes.size());
      bytes = std::move(larger);
    }
    const ssize_t count = retried([&] { return ::read(fd, bytes.data() + size, bytes.size() - size); });
    if (count < 0) {
      const int code = errno;
      wipe(bytes.data(), bytes.size());
      errno = code;
      throw errno_error("read", what);
    }
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
    if (size > limit) {
      wipe(bytes.data(), bytes.size());
      throw Error(Fault::invalid, fmt::format("{} is larger than {} octets", what, limit));
    }
    // There was room for more.
    if (S_ISREG(status.st_mode) && size == announced && size < bytes.size()) break;
  }
  bytes.resize(size);
  return bytes;
}

Secret read_secret_to_end(int fd, std::size_t limit, const std::string& what) {
  Bytes bytes = read_to_end(fd, limit, what);
  Secret secret{BytesView(bytes)};
  wipe(bytes.data(), bytes.size());
  return secret;
}

FileDescriptor open_regular(int directory, const std::string& name, int link_flag, const std::string& what) {
  FileDescriptor file(
      retried([&] { return ::openat(directory, name.c_str(), O_RDONLY | link_flag | O_NONBLOCK | O_CLOEXEC); }));
  if (!file) {
    if (errno == ENOENT) return file;
    if (errno == ELOOP && link_flag != 0)
      throw Error(Fault::invalid, fmt::format("{} is a symbolic link, not a regular file", what));
    if (errno == ENXIO) throw Error(Fault::invalid, fmt::format("{} is not a regular file", what));
    throw errno_error("open", what);
  }
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw errno_error("read", what);
  if (!S_ISREG(status.st_mode)) throw Error(Fault::invalid, fmt::format("{} is not a regular file", what));
  return file;
}

}  // namespace everseal::base
