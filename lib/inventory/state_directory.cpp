#include "inventory/state_directory.h"

#include "base/error.h"
#include "base/shell.h"
#include "base/text.h"

#include <cerrno>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace everseal::inventory {
namespace {

using base::Error;
using base::Fault;

constexpr std::string_view kRootsState = "/var/lib/everseal";

// The state holds keys: its owner alone works with it, so that no file in it ends up belonging to somebody else.
void require_own(const std::string& path, const struct stat& found) {
  if (found.st_uid == ::geteuid()) return;
  const std::string owner = base::user_name(found.st_uid);
  throw Error(Fault::denied,
              fmt::format("{} belongs to {}, and this command runs as {}", path, owner, base::user_name(::geteuid())),
              fmt::format("run it as the state's owner: `sudo -u {} everseal ...`", owner));
}

void require_own_database(const std::string& file) {
  struct stat found {};
  if (::stat(file.c_str(), &found) == 0) require_own(file, found);
}

// backups/ and crls/ may lie elsewhere: nothing in them is needed to go on.
constexpr const char* kOwnDirectories[] = {"accounts", "archive", "authorities", "live", "locks"};

// A key is reached without a link on the way, and what is renamed from one directory to another stays on one disk.
Misplaced linked(const std::string& state, const std::string& path, const std::string& held) {
  const std::string target = held.starts_with('/') ? held : fmt::format("{}/{}", state, held);
  const std::string link = base::shell_word(path), there = base::shell_word(base::printable(target));
  Misplaced one{.is_link = true,
                .what = fmt::format("{} is a symbolic link to {}, and nothing of a state is kept behind one", path,
                                    base::printable(held)),
                .remedy = {},
                .command = {}};
  const std::string back = fmt::format("rm {0} && mv {1} {0}", link, there);
  const std::string ways = fmt::format(
      "`{0}` moves it back; to keep it on another disk mount it there, `rm {1} && mkdir -m 0700 {1} && mount --bind "
      "{2} "
      "{1}` and its line in /etc/fstab, or move the whole state and name it with --state or in the config",
      back, link, there);
  struct stat found {};
  if (::stat(path.c_str(), &found) == 0) {
    one.remedy = ways;
    one.command = back;
  } else {
    one.remedy = fmt::format("nothing is there: mount what holds it; then {}", ways);
  }
  return one;
}

}  // namespace

std::vector<Misplaced> misplaced(const std::string& state) {
  std::vector<Misplaced> all;
  for (const char* const directory : kOwnDirectories) {
    const std::string path = fmt::format("{}/{}", state, directory);
    struct stat found {};
    if (::lstat(path.c_str(), &found) != 0 || S_ISDIR(found.st_mode)) continue;
    if (S_ISLNK(found.st_mode)) {
      const auto held = base::Directory::open(state).read_link(directory);
      all.push_back(linked(state, path, held.value_or("")));
      continue;
    }
    std::string command = fmt::format("mv {0} {0}.wrong && everseal doctor --mend", base::shell_word(path));
    all.push_back({.is_link = false,
                   .what = fmt::format("{} is no directory", path),
                   .remedy = fmt::format("`{}` puts it aside; what was in the directory comes from a backup, and "
                                         "`everseal doctor` says what is missing then",
                                         command),
                   .command = std::move(command)});
  }
  return all;
}

std::string database_file(const std::string& state) { return state + "/" + kDatabase; }

void remove_database(const base::Directory& state, std::string_view name) {
  for (const char* end : {"", "-wal", "-shm", "-journal"}) state.remove(fmt::format("{}{}", name, end));
}

void require_state_directory(const std::string& state) {
  struct stat found {};
  if (::stat(state.c_str(), &found) != 0) {
    if (errno == ENOENT || errno == ENOTDIR)
      throw Error(Fault::not_found, fmt::format("there is no state directory {}", state),
                  ::geteuid() != 0 && state == kRootsState
                      ? "it is root's, whose config this is: run it as root (sudo); --state names another"
                      : "`everseal init` makes it; --state names another");
    throw base::errno_error("open", state);
  }
  if (!S_ISDIR(found.st_mode)) throw Error(Fault::config, fmt::format("the state {} is not a directory", state));
  require_own(state, found);
  if ((found.st_mode & 0027) != 0)
    throw Error(Fault::denied,
                fmt::format("the state directory {} can be changed by its group or read by others (mode {:04o})", state,
                            found.st_mode & 07777),
                fmt::format("chmod 0700 {}", state));
  if (base::is_network_file_system(state))
    throw Error(Fault::config, fmt::format("the state directory {} is on a network file system", state),
                "SQLite's locks do not hold there; keep the state on a local disk");
  for (const Misplaced& one : misplaced(state)) throw Error(Fault::config, one.what, one.remedy);
  require_own_database(database_file(state));
}

void make_state_directory(const std::string& state) {
  struct stat found {};
  if (::stat(state.c_str(), &found) != 0 && errno == ENOENT) base::Directory::create(state, 0700);
  require_state_directory(state);
}

}  // namespace everseal::inventory
