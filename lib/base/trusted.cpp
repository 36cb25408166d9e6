#include "base/trusted.h"

#include "base/error.h"
#include "base/handle.h"
#include "base/system_calls.h"
#include "base/text.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <functional>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace everseal::base {
namespace {

constexpr int kMostLinks = 40;

struct Step {
  FileDescriptor file;  // O_PATH
  std::string path;     // without a slash at its end; "" is the root
};

// What stands at one step of a way.
struct Passed {
  const struct stat& status;
  const struct stat& parent;  // the directory that holds it; its own status at the root
};

// "" where it may be gone on with; otherwise what is wrong with it.
using Judge = std::function<std::string_view(const Passed&)>;
// The Error for what was wrong at the component `at`.
using Refuse = std::function<Error(const std::string& at, std::string_view why)>;

struct stat look_at(const FileDescriptor& file, const std::string& path) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw failure("look at", printable(path));
  return status;
}

std::string target_of(const FileDescriptor& link, const std::string& path) {
  std::array<char, PATH_MAX> target{};
  const ssize_t size = ::readlinkat(link.get(), "", target.data(), target.size());
  if (size <= 0) throw failure("read the symbolic link", printable(path));
  return {target.data(), static_cast<std::size_t>(size)};
}

void push(std::vector<std::string>& ahead, std::string_view text) {
  std::vector<std::string> parts = split(text, '/');
  std::erase_if(parts, [](const std::string& part) { return part.empty() || part == "."; });
  std::ranges::reverse(parts);
  std::ranges::move(parts, std::back_inserter(ahead));
}

// Goes from the root to what `path` leads to. Each component is opened once, never followed by the kernel, and judged
// through that descriptor. ".." goes back to the directory that was come from, wherever it has been moved meanwhile.
FileDescriptor walk(const std::string& path, const Judge& judge, const Refuse& refuse) {
  std::vector<std::string> ahead;  // components still to walk, the next one last
  push(ahead, path);
  if (path.empty() || path.front() != '/') {
    const Handle<char, ::free> here(::get_current_dir_name());
    if (!here) throw errno_error("find", "the current directory");
    push(ahead, here.get());
  }
  std::vector<Step> way;
  way.push_back({FileDescriptor(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)), ""});
  const auto judged = [&](const Passed& seen, const std::string& at) {
    if (const std::string_view why = judge(seen); !why.empty()) throw refuse(at.empty() ? "/" : at, why);
  };
  struct stat parent = look_at(way.back().file, "/");
  judged({parent, parent}, "/");
  for (int links = 0; !ahead.empty();) {
    const std::string part = std::move(ahead.back());
    ahead.pop_back();
    if (part == "..") {
      if (way.size() > 1) way.pop_back();
      continue;
    }
    std::string at = fmt::format("{}/{}", way.back().path, part);
    FileDescriptor file(
        retried([&] { return ::openat(way.back().file.get(), part.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC); }));
    if (!file) throw failure("look at", printable(at));
    parent = look_at(way.back().file, way.back().path);
    const struct stat status = look_at(file, at);
    judged({status, parent}, at);
    if (!S_ISLNK(status.st_mode)) {
      way.push_back({std::move(file), std::move(at)});
      continue;
    }
    if (++links > kMostLinks) throw refuse(at, "is a loop of symbolic links");
    const std::string target = target_of(file, at);
    push(ahead, target);
    if (target.front() == '/') way.resize(1);
  }
  return std::move(way.back().file);
}

bool others_may_write(const struct stat& status) {
  const bool is_sticky_directory = S_ISDIR(status.st_mode) && (status.st_mode & S_ISVTX) != 0;
  return !S_ISLNK(status.st_mode) && (status.st_mode & (S_IWGRP | S_IWOTH)) != 0 && !is_sticky_directory;
}

std::string_view distrust(const struct stat& status) {
  if (!is_ours_or_roots(status)) return "belongs to another user";
  if (others_may_write(status)) return "can be written by others";
  return {};
}

// A directory that a target's owner has for himself.
bool is_one_of_theirs(const struct stat& status, std::span<const Ownership> owners) {
  const bool is_owned = is_ours_or_roots(status) || std::ranges::any_of(owners, [&](const Ownership& one) {
                          return one.user && *one.user == status.st_uid;
                        });
  const bool is_groups = status.st_gid == 0 || std::ranges::any_of(owners, [&](const Ownership& one) {
                           return one.group && *one.group == status.st_gid;
                         });
  const mode_t shared = status.st_mode & (S_IWGRP | S_IWOTH);
  return is_owned && S_ISDIR(status.st_mode) &&
         (shared == 0 || (status.st_mode & S_ISVTX) != 0 || (shared == S_IWGRP && is_groups));
}

std::string_view judge_link(const Passed& seen) {
  if (!S_ISLNK(seen.status.st_mode)) return {};
  if (!is_ours_or_roots(seen.status)) return "is a symbolic link of another user";
  // Who may write there can bring a link of root's along from elsewhere.
  if (!distrust(seen.parent).empty()) return "is a symbolic link in a directory where others may write";
  return {};
}

std::string message(const std::string& asked, const std::string& at, std::string_view why) {
  if (at == asked) return fmt::format("{} cannot be trusted: {}", asked, why);
  return fmt::format("{} cannot be trusted: {} {}", asked, at, why);
}

std::optional<Directory> open_walked(const std::string& path, const Judge& judge, const std::string& hint) {
  if (path.empty() || path.find('\0') != std::string::npos)
    throw Error(Fault::invalid, fmt::format("'{}' is not the path of a directory", printable(path)));
  if (::geteuid() != 0) return Directory::open_if_exists(path);
  const Refuse refuse = [&](const std::string& at, std::string_view why) {
    return Error(Fault::denied, message(printable(path), printable(at), why), hint);
  };
  try {
    const FileDescriptor found = walk(path, judge, refuse);
    FileDescriptor opened(retried([&] { return ::openat(found.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
    if (!opened) throw failure("open the directory", printable(path));
    return Directory::adopt(std::move(opened), path);
  } catch (const Error& error) {
    if (error.fault() == Fault::not_found) return std::nullopt;
    throw;
  }
}

}  // namespace

bool is_ours_or_roots(const struct stat& status) { return status.st_uid == 0 || status.st_uid == ::geteuid(); }

void require_trusted(const std::string& path) {
  if (path.empty() || path.find('\0') != std::string::npos)
    throw Error(Fault::config, fmt::format("'{}' is not a path", printable(path)));
  const Refuse refuse = [&](const std::string& at, std::string_view why) {
    return Error(Fault::config, message(printable(path), printable(at), why),
                 "it and every directory above it must belong to root or to you, and nobody else may write there");
  };
  try {
    walk(
        path, [](const Passed& seen) { return distrust(seen.status); }, refuse);
  } catch (const Error& error) {
    if (error.fault() == Fault::config) throw;
    throw Error(Fault::config, error.message(), error.hint());
  }
}

std::optional<Directory> open_trusted(const std::string& path, std::span<const Ownership> owners) {
  const auto judge = [&](const Passed& seen) -> std::string_view {
    const std::string_view why = distrust(seen.status);
    if (!why.empty()) return is_one_of_theirs(seen.status, owners) ? std::string_view() : why;
    // Whoever owns the directory above it may have given it that name.
    if (!distrust(seen.parent).empty()) return "does not belong to who owns the directory above it";
    return {};
  };
  return open_walked(path, judge,
                     "all on the way must belong to root, or from some directory on to the deployment's `owner`; and "
                     "nobody else may write there");
}

std::optional<Directory> open_unled(const std::string& path) {
  return open_walked(path.empty() ? "." : path, judge_link, "name the place itself, not by that link");
}

}  // namespace everseal::base
