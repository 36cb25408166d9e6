#include "base/file.h"

#include "base/error.h"
#include "base/reading.h"
#include "base/system_calls.h"
#include "base/text.h"

#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace everseal::base {

Bytes read_file(const std::string& path, std::size_t limit) {
  if (path == "-") return read_to_end(STDIN_FILENO, limit, "standard input");
  const FileDescriptor file(retried([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC); }));
  if (!file) throw failure("open", printable(path));
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw errno_error("read", printable(path));
  if (S_ISDIR(status.st_mode)) throw Error(Fault::invalid, fmt::format("{} is a directory", printable(path)));
  return read_to_end(file.get(), limit, printable(path));
}

Secret read_regular_file(const std::string& path, std::size_t limit) {
  const std::string what = printable(path);
  const FileDescriptor file = open_regular(AT_FDCWD, path, 0, what);
  if (!file) throw failure("open", what);
  return read_secret_to_end(file.get(), limit, what);
}

void write_file(const std::string& path, BytesView bytes, const Ownership& ownership) {
  const auto [parent, name] = split_path(path);
  struct stat status {};
  // /dev/stdout, /dev/null and pipes are written to, never replaced; one that a stranger put there gets nothing.
  if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    if (S_ISDIR(status.st_mode)) throw Error(Fault::invalid, fmt::format("{} is a directory", printable(path)));
    if (!is_ours_or_roots(status))
      throw Error(Fault::denied, fmt::format("{} belongs to somebody else", printable(path)));
    const FileDescriptor file(retried([&] { return ::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY); }));
    if (!file) throw failure("open", printable(path));
    return file_system().write(file.get(), bytes);
  }
  Directory::open(parent).replace(name, bytes, ownership);
}

}  // namespace everseal::base
