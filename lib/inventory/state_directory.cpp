#include "inventory/state_directory.h"

#include "base/error.h"

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

}  // namespace

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
  require_own_database(database_file(state));
}

void make_state_directory(const std::string& state) {
  struct stat found {};
  if (::stat(state.c_str(), &found) != 0 && errno == ENOENT) base::Directory::create(state, 0700);
  require_state_directory(state);
}

}  // namespace everseal::inventory
