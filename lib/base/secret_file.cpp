#include "base/secret_file.h"

#include "base/encoding.h"
#include "base/error.h"
#include "base/handle.h"
#include "base/reading.h"
#include "base/system_calls.h"
#include "base/text.h"
#include "base/trusted.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string_view>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace everseal::base {
namespace {

constexpr std::size_t kSecretLimit = 64 * 1024;
constexpr std::string_view kCredential = "credential:";
constexpr std::string_view kCredentials = "/etc/everseal/credentials";
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

Error refusal(const std::string& option, std::string_view rule, std::string hint = {}) {
  return Error(Fault::config, fmt::format("cannot use the secret file {}: {}", printable(option), rule),
               std::move(hint));
}

struct Found {
  FileDescriptor file;
  std::string path;
  bool by_systemd = false;  // who guards it by its directory, and may show an ACL's mask as group bits
};

FileDescriptor open_without_waiting(const std::string& path) {
  return FileDescriptor(retried([&] { return ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC); }));
}

Found open_credential(const std::string& option) {
  const std::string name = option.substr(kCredential.size());
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos)
    throw refusal(option, "a credential is named by one word without slashes");
  const char* const directory = ::secure_getenv("CREDENTIALS_DIRECTORY");
  if (directory != nullptr && *directory == '/') {
    std::string path = fmt::format("{}/{}", directory, name);
    FileDescriptor file = open_without_waiting(path);
    if (file || errno != ENOENT) return {std::move(file), std::move(path), true};
  }
  std::string path = fmt::format("{}/{}", kCredentials, name);
  FileDescriptor file = open_without_waiting(path);
  if (!file && errno == ENOENT)
    throw refusal(option, fmt::format("neither $CREDENTIALS_DIRECTORY nor {} has it", kCredentials),
                  fmt::format("systemd sets the former for units with LoadCredential=; elsewhere put it into {}, mode "
                              "0600",
                              path));
  return {std::move(file), std::move(path)};
}

Found open_secret(const std::string& option) {
  if (option.empty() || option.find('\0') != std::string::npos) throw refusal(option, "that is not a path");
  if (option.starts_with(kCredential)) return open_credential(option);
  return {open_without_waiting(option), option};
}

}  // namespace

Secret read_secret_document(const std::string& option) {
  const Found found = open_secret(option);
  struct stat status {};
  if (!found.file || ::fstat(found.file.get(), &status) != 0) throw refusal(option, errno_text(errno));
  if (!S_ISREG(status.st_mode)) throw refusal(option, "it is not a regular file");
  if (!found.by_systemd) {
    if (!is_ours_or_roots(status))
      throw refusal(option, "it belongs to another user", "it must belong to root or to you");
    if ((status.st_mode & 077) != 0)
      throw refusal(option, "others may read or write it", fmt::format("run: chmod 600 {}", printable(found.path)));
  }
  try {
    Secret secret = read_secret_to_end(found.file.get(), kSecretLimit, printable(option));
    if (secret.empty()) throw refusal(option, "it is empty");
    return secret;
  } catch (const Error& error) {
    if (error.fault() == Fault::config) throw;
    throw refusal(option, error.message());
  }
}

Secret read_secret_file(const std::string& option) {
  const Secret whole = read_secret_document(option);
  std::string_view line = whole.reveal_text();
  if (line.starts_with(kByteOrderMark))
    throw refusal(option, "it begins with a byte order mark", "save it as UTF-8 without one");
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  if (line.empty()) throw refusal(option, "it is empty");
  if (line.find_first_of("\r\n") != std::string_view::npos)
    throw refusal(option, "it has more than one line", "keep the secret alone in it, in one line");
  const auto is_control = [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; };
  if (std::ranges::any_of(line, is_control))
    throw refusal(option, "it holds a NUL or another control character", "write the secret anew, as text in one line");
  return Secret(line);
}

}  // namespace everseal::base
