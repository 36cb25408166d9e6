#include "base/file.h"

#include "base/error.h"
#include "base/number.h"
#include "base/reading.h"
#include "base/system_calls.h"
#include "base/text.h"
#include "base/trusted.h"

#include <cerrno>
#include <optional>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace everseal::base {
namespace {

// The descriptor of this process that a path names, which its shell may have made: <(command), >(command).
std::optional<int> own_descriptor(std::string_view path) {
  constexpr std::pair<std::string_view, int> kStandard[] = {
      {"/dev/stdin", STDIN_FILENO}, {"/dev/stdout", STDOUT_FILENO}, {"/dev/stderr", STDERR_FILENO}};
  for (const auto& [name, number] : kStandard)
    if (path == name) return number;
  for (const std::string_view directory : {"/dev/fd/", "/proc/self/fd/"}) {
    if (!path.starts_with(directory)) continue;
    if (const auto number = parse_number<int>(path.substr(directory.size())); number && *number >= 0) return number;
  }
  return std::nullopt;
}

// What stands at a name that is to be written.
enum class Standing { nothing, file, stream };

Standing look_at_destination(const Directory& directory, const std::string& name, const std::string& what) {
  struct stat status {};
  if (::fstatat(directory.descriptor(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return Standing::nothing;
    throw failure("look at", what);
  }
  if (S_ISDIR(status.st_mode)) throw Error(Fault::invalid, fmt::format("{} is a directory", what));
  if (S_ISREG(status.st_mode)) return Standing::file;
  if (!is_ours_or_roots(status))
    throw Error(Fault::denied, fmt::format("{} belongs to somebody else, and is no regular file", what),
                "name another file");
  return S_ISLNK(status.st_mode) ? Standing::file : Standing::stream;
}

// Only what was looked at: another one that took the name meanwhile is not written to.
void write_stream(const Directory& directory, const std::string& name, const std::string& what, BytesView bytes) {
  const FileDescriptor file(retried(
      [&] { return ::openat(directory.descriptor(), name.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW); }));
  if (!file) throw failure("open", what);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw failure("look at", what);
  const bool is_stream = S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode);
  if (!is_stream || !is_ours_or_roots(status))
    throw Error(Fault::denied, fmt::format("{} was exchanged while it was opened", what), "name another file");
  file_system().write(file.get(), bytes);
}

}  // namespace

Bytes read_file(const std::string& path, std::size_t limit) {
  if (path == "-") return read_to_end(STDIN_FILENO, limit, "standard input");
  const std::string what = printable(path);
  if (const auto descriptor = own_descriptor(path)) return read_to_end(*descriptor, limit, what);
  const FileDescriptor file = open_regular(AT_FDCWD, path, 0, what);
  if (!file) throw failure("open", what);
  return read_to_end(file.get(), limit, what);
}

Secret read_regular_file(const std::string& path, std::size_t limit) {
  const std::string what = printable(path);
  const FileDescriptor file = open_regular(AT_FDCWD, path, 0, what);
  if (!file) throw failure("open", what);
  return read_secret_to_end(file.get(), limit, what);
}

std::pair<Directory, std::string> open_destination(const std::string& path) {
  auto [parent, name] = split_path(path);
  if (name.empty()) throw Error(Fault::invalid, fmt::format("{} is a directory", printable(path)));
  auto directory = open_unled(parent);
  if (!directory) {
    errno = ENOENT;
    throw failure("open the directory", printable(parent));
  }
  return {std::move(*directory), std::move(name)};
}

void write_file(const std::string& path, BytesView bytes, const Ownership& ownership) {
  const std::string what = printable(path);
  if (const auto descriptor = own_descriptor(path)) return file_system().write(*descriptor, bytes);
  const auto [directory, name] = open_destination(path);
  require_component(name);
  if (look_at_destination(directory, name, what) == Standing::stream) return write_stream(directory, name, what, bytes);
  directory.replace(name, bytes, ownership);
}

}  // namespace everseal::base
