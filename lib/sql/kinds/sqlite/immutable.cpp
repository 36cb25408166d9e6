#include "sql/kinds/sqlite/immutable.h"

#include <cerrno>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace everseal::sql {
namespace {

// A path inside a file: URI.
std::string escaped(const std::string& path) {
  std::string uri;
  for (const char c : path) {
    if (c == '?' || c == '#' || c == '%')
      uri += fmt::format("%{:02x}", c);
    else
      uri += c;
  }
  return uri;
}

}  // namespace

std::string directory_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::optional<std::string> immutable_uri(const std::string& file) {
  if (::access(directory_of(file).c_str(), W_OK) == 0) return std::nullopt;
  struct stat log {};
  const bool has_log = ::stat((file + "-wal").c_str(), &log) == 0 ? log.st_size > 0 : errno != ENOENT;
  if (has_log) return std::nullopt;
  return "file:" + escaped(file) + "?immutable=1";
}

}  // namespace everseal::sql
