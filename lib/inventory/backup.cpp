#include "inventory/backup.h"

#include "base/error.h"
#include "base/file.h"
#include "inventory/authorities.h"
#include "inventory/columns.h"
#include "inventory/merge.h"
#include "inventory/state_directory.h"
#include "inventory/store_access.h"
#include "sql/migration.h"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace everseal::inventory {
namespace {

using base::Directory;
using base::Error;
using base::Fault;

constexpr std::string_view kOutgoing = "everseal.db.backing-up";
constexpr std::string_view kIncoming = "everseal.db.restoring";
constexpr std::size_t kLargestCrl = 64 << 20;

// "20261123T221130Z"
std::string compact(Time time) {
  std::string text = base::format_time(time);
  std::erase(text, '-');
  std::erase(text, ':');
  return text;
}

void remove_with_log(const Directory& directory, std::string_view name) {
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) directory.remove(std::string(name) + suffix);
}

void require_sound_backup(const std::string& file) {
  const auto backup = sql::open(file, sql::Access::read_only);
  sql::require_known_schema(*backup);
  if (sql::schema_version(*backup) == 0)
    throw Error(Fault::invalid, fmt::format("{} is an empty database", file),
                "name a file that `everseal backup` wrote");
  backup->check_integrity();
}

// A private copy of the backup in the state directory, with today's schema.
void bring_in(const std::string& file, const Directory& state, Time now) {
  const std::string incoming = state.path() + "/" + std::string(kIncoming);
  const std::string former = incoming + ".former";
  remove_with_log(state, kIncoming);
  remove_with_log(state, std::string(kIncoming) + ".former");
  sql::open(file, sql::Access::read_only)->copy_to(incoming);
  const auto database = sql::open(incoming, sql::Access::read_write);
  sql::migrate(*database, former, now);
  remove_with_log(state, std::string(kIncoming) + ".former");
}

// The database that is to be replaced; nullopt where there is none or it cannot be opened.
std::optional<Store> open_present(const Directory& state, Restored& outcome) {
  if (!state.has(std::string(kDatabase))) return std::nullopt;
  try {
    return Store::over(state.path(), sql::open(database_file(state.path()), sql::Access::read_write));
  } catch (const Error& error) {
    if (error.fault() == Fault::busy) throw;
    outcome.problems.push_back(fmt::format("the replaced database: {}", base::printable(error.message())));
    return std::nullopt;
  }
}

void merge_crl_files(Store& into, const Directory& state, Time now, Restored& outcome) {
  const auto authorities = state.subdirectory_if_exists("authorities");
  if (!authorities) return;
  for (const auto& authority : Authorities(into).all()) {
    try {
      const auto directory = authorities->subdirectory_if_exists(authority.name.text());
      const auto crl = directory ? directory->read("crl.der", kLargestCrl) : std::nullopt;
      if (crl) merge_crl_file(into, authority.name, *crl, now, outcome);
    } catch (const Error& error) {
      outcome.problems.push_back(
          fmt::format("the crl.der of {}: {}", authority.name, base::printable(error.message())));
    }
  }
}

std::optional<Anchor> head_of(Store& store, Restored& outcome) {
  try {
    return Events(store).head(Chain::run);
  } catch (const Error& error) {
    outcome.problems.push_back(fmt::format("history of the replaced database: {}", base::printable(error.message())));
    return std::nullopt;
  }
}

void merge(const Directory& state, const std::string& file, std::optional<Store>& present, Time now,
           Restored& outcome) {
  const std::string path = state.path() + "/" + std::string(kIncoming);
  Store incoming = Store::over(state.path(), sql::open(path, sql::Access::read_write));
  if (present) outcome.forgotten = head_of(*present, outcome);
  incoming.transaction([&] {
    if (present) merge_database(incoming, present->database(), outcome);
    merge_crl_files(incoming, state, now, outcome);
    merge_archived_numbers(incoming, state, outcome);
    Events(incoming).add("store.restored", "store",
                         {{"file", file},
                          {"replaced", outcome.replaced},
                          {"replaced_head", outcome.forgotten ? outcome.forgotten->text() : ""},
                          {"serials", std::to_string(outcome.serials)},
                          {"revocations", std::to_string(outcome.revocations)},
                          {"crls", std::to_string(outcome.crls)}},
                         now);
  });
}

void keep_present(const Directory& state, const std::string& kept) {
  if (::linkat(state.descriptor(), kDatabase, state.descriptor(), kept.c_str(), 0) != 0)
    throw base::errno_error("keep the present database as", kept);
}

// SQLite removes the log when the last one closes a sound database.
void require_closed(const Directory& state) {
  if (state.has(std::string(kDatabase) + "-wal"))
    throw Error(Fault::busy, "another process has the database open",
                "stop the agent (`systemctl stop eversealed`) first");
}

// A log that is left would be replayed over the new database.
void set_log_aside(const Directory& state, const std::string& kept) {
  const std::string log = std::string(kDatabase) + "-wal";
  if (state.has(log)) state.rename(log, kept + "-wal");
}

}  // namespace

std::string name_to_keep(const Directory& state, std::string_view why, Time now) {
  const std::string name = fmt::format("{}.before-{}-{}", kDatabase, why, compact(now));
  std::string free = name;
  for (int number = 2; state.has(free) || state.has(free + "-wal"); ++number)
    free = fmt::format("{}-{:02}", name, number);
  return free;
}

// SQLite opens files by name, which in somebody else's directory could by then be another one. So it writes into the
// state, and what goes there is a copy.
void backup(Store& store, const std::string& file) {
  const auto [directory, name] = base::open_destination(file);
  if (directory.has(name))
    throw Error(Fault::exists, fmt::format("{} exists, and a backup overwrites nothing", file), "name another file");
  const auto state = Directory::open(store.state());
  const auto lock = base::FileLock::try_acquire(state.create_subdirectory("locks", 0700), "backup");
  if (!lock) throw Error(Fault::busy, "another backup is being made", "wait for it, then run the same command again");
  const std::string copy(kOutgoing);
  const auto discard = [&] { remove_with_log(state, kOutgoing); };
  discard();  // of one that was killed
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

Restored restore(const std::string& state_path, const std::string& file, Time now) {
  require_sound_backup(file);
  make_state_directory(state_path);
  const auto state = Directory::open(state_path);
  const auto right = StoreAccess::exclusive(state_path);
  bring_in(file, state, now);

  Restored outcome;
  const bool replaces = state.has(std::string(kDatabase));
  const std::string kept = name_to_keep(state, "restore", now);
  if (replaces) outcome.replaced = state_path + "/" + kept;
  try {
    auto present = open_present(state, outcome);
    merge(state, file, present, now, outcome);
    // SQLite keeps the log where it could not write it back.
    if (state.has(std::string(kIncoming) + "-wal"))
      throw Error(Fault::io, "cannot complete the restored database", "free some space and run the same command again");
    const bool sound = present.has_value();
    present.reset();
    if (sound) require_closed(state);
    if (replaces) {
      keep_present(state, kept);
      set_log_aside(state, kept);
    }
    state.remove(std::string(kDatabase) + "-shm");
    state.rename(std::string(kIncoming), std::string(kDatabase));
  } catch (...) {
    remove_with_log(state, kIncoming);
    throw;
  }
  return outcome;
}

}  // namespace everseal::inventory
