#include "inventory/backup.h"

#include "base/error.h"
#include "base/file.h"
#include "base/lock.h"
#include "base/text.h"
#include "inventory/state_directory.h"

#include <algorithm>
#include <array>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace everseal::inventory {
namespace {

using base::Directory;
using base::Error;
using base::Fault;

constexpr std::string_view kOutgoing = "everseal.db.backing-up";
constexpr const char* kCopies = "backups";
constexpr std::string_view kCopyPrefix = "everseal-";
constexpr std::string_view kCopySuffix = ".db";
constexpr std::size_t kCopiesKept = 5;

void require_room(const std::string& state) {
  struct stat database {};
  struct statvfs disk {};
  if (::stat(database_file(state).c_str(), &database) != 0 || ::statvfs(state.c_str(), &disk) != 0)
    throw base::errno_error("look at", state);
  // A copy that fills the disk would stop what it is kept for.
  const auto spare = static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
  if (spare < 4 * static_cast<std::uint64_t>(database.st_size))
    throw Error(Fault::io, fmt::format("no copy of the database was kept today: the disk of {} is nearly full", state),
                "free some space");
}

// Their names sort by date.
std::vector<std::string> copies_in(const Directory& directory) {
  std::vector<std::string> copies = directory.list();
  std::erase_if(copies,
                [](const std::string& name) { return !name.starts_with(kCopyPrefix) || !name.ends_with(kCopySuffix); });
  return copies;
}

// nullopt where there is no such directory. A link to one is as good.
std::optional<Directory> copies_of(const std::string& state) {
  const std::string path = fmt::format("{}/{}", state, kCopies);
  struct stat found {};
  if (::stat(path.c_str(), &found) == 0 && !S_ISDIR(found.st_mode)) return std::nullopt;
  return Directory::open_if_exists(path);
}

std::string copy_name(base::Time now) {
  std::string date = base::format_time(now).substr(0, 10);
  std::erase(date, '-');
  return fmt::format("{}{}{}", kCopyPrefix, date, kCopySuffix);
}

}  // namespace

namespace {

constexpr const char* kLock = "backup";

// In somebody else's directory nothing but a database is taken for a left-over.
bool is_database(const Directory& directory, const std::string& name) {
  constexpr std::string_view magic = "SQLite format 3";
  const base::FileDescriptor file(
      ::openat(directory.descriptor(), name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  std::array<char, magic.size()> begin{};
  return file && ::read(file.get(), begin.data(), begin.size()) == static_cast<ssize_t>(begin.size()) &&
         std::string_view(begin.data(), begin.size()) == magic;
}

void sweep_copies(const Directory& directory) {
  directory.sweep_temporaries([&](const std::string& name) { return is_database(directory, name); });
}

// SQLite opens files by name, which in somebody else's directory could by then be another one. So it writes into the
// state, and what goes there is a copy.
void copy_by_way_of_state(Store& store, const Directory& directory, const std::string& name) {
  const auto state = Directory::open(store.state());
  const auto lock = base::FileLock::try_acquire(state.create_subdirectory("locks", 0700), kLock);
  if (!lock) throw Error(Fault::busy, "another backup is being made", "wait for it, then run the same command again");
  const std::string copy(kOutgoing);
  const auto discard = [&] { remove_database(state, kOutgoing); };
  discard();  // of one that was killed
  sweep_copies(directory);
  try {
    store.database().copy_to(state.path() + "/" + copy);
    const base::FileDescriptor source(::openat(state.descriptor(), copy.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!source) throw base::errno_error("open", state.path() + "/" + copy);
    directory.copy_new(name, source.get());
  } catch (...) {
    discard();
    throw;
  }
  discard();
}

}  // namespace

void backup(Store& store, const std::string& file) {
  const auto [directory, name] = base::open_destination(file);
  if (directory.has(name))
    throw Error(Fault::exists, fmt::format("{} exists, and a backup overwrites nothing", file), "name another file");
  try {
    copy_by_way_of_state(store, directory, name);
  } catch (const Error& error) {
    // The state's disk may be full, and the backup for another one.
    if (error.fault() != Fault::io) throw;
    directory.copy_new(name, store.database().copy_in_memory().get());
  }
}

void sweep_backups(const std::string& state) {
  const auto directory = Directory::open(state);
  const auto locks = directory.subdirectory_if_exists("locks");
  const auto lock = locks ? base::FileLock::try_acquire(*locks, kLock) : std::nullopt;
  if (!lock) return;
  remove_database(directory, kOutgoing);
  if (const auto copies = copies_of(state)) sweep_copies(*copies);
}

void keep_daily_copy(Store& store, base::Time now) {
  const std::string name = copy_name(now);
  const std::string path = fmt::format("{}/{}/{}", store.state(), kCopies, name);
  if (::access(path.c_str(), F_OK) == 0) return;
  require_room(store.state());
  const auto copies = Directory::create(fmt::format("{}/{}", store.state(), kCopies), 0700);
  backup(store, path);
  std::vector<std::string> kept = copies_in(copies);
  const std::size_t surplus = kept.size() - std::min(kept.size(), kCopiesKept);
  // One of the future, of when the clock was wrong, is not the newest for ever.
  std::ranges::stable_partition(kept, [&](const std::string& copy) { return copy > name; });
  for (std::size_t i = 0; i < surplus; ++i) copies.remove(kept[i]);
}

std::optional<std::string> newest_daily_copy(const std::string& state) {
  const auto copies = copies_of(state);
  const auto names = copies ? copies_in(*copies) : std::vector<std::string>();
  if (names.empty()) return std::nullopt;
  return fmt::format("{}/{}", copies->path(), names.back());
}

}  // namespace everseal::inventory
