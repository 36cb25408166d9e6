#include "base/trusted.h"

#include "base/error.h"
#include "base/handle.h"
#include "base/reading.h"
#include "base/system_calls.h"
#include "base/text.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace everseal::base {
namespace {

constexpr std::size_t kSecretLimit = 64 * 1024;

}  // namespace

bool is_ours_or_roots(const struct stat& status) { return status.st_uid == 0 || status.st_uid == ::geteuid(); }

Secret read_secret_file(const std::string& option) {
  constexpr std::string_view kCredential = "credential:";
  const std::string shown_option = printable(option);
  const auto refuse = [&shown_option](std::string_view rule, std::string hint = {}) {
    return Error(Fault::config, fmt::format("cannot use the secret file {}: {}", shown_option, rule), std::move(hint));
  };
  std::string path = option;
  const bool credential = option.starts_with(kCredential);
  if (credential) {
    const std::string name = option.substr(kCredential.size());
    const char* const directory = ::secure_getenv("CREDENTIALS_DIRECTORY");
    if (directory == nullptr || *directory != '/')
      throw refuse("$CREDENTIALS_DIRECTORY is not set", "systemd sets it for units with LoadCredential=");
    if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos)
      throw refuse("a credential is named by one word without slashes");
    path = fmt::format("{}/{}", directory, name);
  }
  if (path.empty() || path.find('\0') != std::string::npos) throw refuse("that is not a path");
  const FileDescriptor file(retried([&] { return ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC); }));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) throw refuse(errno_text(errno));
  if (!S_ISREG(status.st_mode)) throw refuse("it is not a regular file");
  // systemd guards a credential by its directory and may show an ACL's mask as group bits.
  if (!credential) {
    if (!is_ours_or_roots(status)) throw refuse("it belongs to another user", "it must belong to root or to you");
    if ((status.st_mode & 077) != 0)
      throw refuse("others may read or write it", fmt::format("run: chmod 600 {}", shown_option));
  }
  Bytes bytes;
  try {
    bytes = read_to_end(file.get(), kSecretLimit, shown_option);
  } catch (const Error& error) {
    throw refuse(error.message());
  }
  std::string_view text = as_text(bytes);
  if (text.ends_with('\n')) text.remove_suffix(text.ends_with("\r\n") ? 2 : 1);
  Secret secret(text);
  wipe(bytes.data(), bytes.size());
  if (secret.empty()) throw refuse("it is empty");
  return secret;
}

void require_trusted(const std::string& path) {
  const std::string asked = printable(path);
  if (path.empty() || path.find('\0') != std::string::npos)
    throw Error(Fault::config, fmt::format("'{}' is not a path", asked));
  std::vector<std::string> ahead;  // components still to walk, the next one last
  const auto push = [&ahead](std::string_view text) {
    std::vector<std::string> parts = split(text, '/');
    std::ranges::reverse(parts);
    std::ranges::move(parts, std::back_inserter(ahead));
  };
  push(path);
  if (path.front() != '/') {
    const Handle<char, ::free> here(::get_current_dir_name());
    if (!here) throw errno_error("find", "the current directory");
    push(here.get());
  }
  const auto distrust = [&asked](const std::string& component, std::string_view rule) {
    const std::string at = printable(component);
    return Error(Fault::config,
                 at == asked ? fmt::format("{} cannot be trusted: {}", asked, rule)
                             : fmt::format("{} cannot be trusted: {} {}", asked, at, rule),
                 "it and every directory above it must belong to root or to you, and nobody else may write there");
  };

  std::string walked;  // without a slash at its end; "" is the root
  int links = 0;
  for (bool first = true; first || !ahead.empty(); first = false) {
    std::string next = walked;
    if (!first) {
      const std::string part = std::move(ahead.back());
      ahead.pop_back();
      if (part.empty() || part == ".") continue;
      if (part == "..") {
        walked.resize(walked.empty() ? 0 : walked.rfind('/'));
        continue;
      }
      next = walked + "/" + part;
    }
    const std::string component = next.empty() ? "/" : next;
    struct stat status {};
    if (::lstat(component.c_str(), &status) != 0)
      throw Error(Fault::config, failure("look at", printable(component)).message());
    if (!is_ours_or_roots(status)) throw distrust(component, "belongs to another user");
    if (S_ISLNK(status.st_mode)) {
      if (++links > 40) throw distrust(component, "is a loop of symbolic links");
      std::array<char, PATH_MAX> target{};
      const ssize_t size = ::readlink(component.c_str(), target.data(), target.size());
      if (size <= 0) throw errno_error("read the symbolic link", printable(component));
      const std::string_view text(target.data(), static_cast<std::size_t>(size));
      push(text);
      if (text.front() == '/') walked.clear();
      continue;
    }
    const bool sticky_directory = S_ISDIR(status.st_mode) && (status.st_mode & S_ISVTX) != 0;
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0 && !sticky_directory)
      throw distrust(component, "can be written by others");
    walked = std::move(next);
  }
}

}  // namespace everseal::base
