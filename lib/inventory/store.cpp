#include "inventory/store.h"

#include "base/error.h"
#include "base/file.h"
#include "base/lock.h"
#include "sql/migration.h"
#include "sql/query.h"

#include <cerrno>
#include <vector>

#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

namespace everseal::inventory {
namespace {

using base::Error;
using base::Fault;

constexpr std::size_t kProofOctets = 64 * 1024;  // what a rotation may write

std::string user_name(uid_t user) {
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> buffer(16 * 1024);
  if (::getpwuid_r(user, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
    return fmt::format("uid {}", user);
  return found->pw_name;
}

std::string database_file(const std::string& state) { return state + "/everseal.db"; }

// The state holds keys: its owner alone works with it, so that no file in it ends up belonging to somebody else.
void require_own(const std::string& path, const struct stat& found) {
  if (found.st_uid == ::geteuid()) return;
  const std::string owner = user_name(found.st_uid);
  throw Error(Fault::denied,
              fmt::format("{} belongs to {}, and this command runs as {}", path, owner, user_name(::geteuid())),
              fmt::format("run it as the state's owner: `sudo -u {} everseal ...`", owner));
}

void require_safe_directory(const std::string& state) {
  struct stat found {};
  if (::stat(state.c_str(), &found) != 0) {
    if (errno == ENOENT || errno == ENOTDIR)
      throw Error(Fault::not_found, fmt::format("there is no state directory {}", state),
                  "`everseal init` makes it; --state names another");
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
}

void require_own_database(const std::string& file) {
  struct stat found {};
  if (::stat(file.c_str(), &found) == 0) require_own(file, found);
}

base::FileLock lock_store(const std::string& state) {
  const auto locks = base::Directory::open(state).create_subdirectory("locks", 0700);
  return base::FileLock::acquire(locks, "store");
}

void bring_up_to_date(const std::string& state, sql::Database& database, base::Time now) {
  if (sql::schema_version(database) == sql::newest_schema_version()) return;
  const auto lock = lock_store(state);
  const int version = sql::schema_version(database);  // somebody else may have been faster
  sql::migrate(database, fmt::format("{}.schema-{}-{}", database_file(state), version, base::to_unix(now)), now);
}

std::unique_ptr<sql::Database> open_database(const std::string& state, sql::Access access) {
  const std::string file = database_file(state);
  require_own_database(file);
  try {
    return sql::open(file, access);
  } catch (const Error& error) {
    if (error.fault() != Fault::not_found) throw;
    throw Error(Fault::not_found, error.message(),
                "`everseal init` makes one; `everseal restore FILE` brings a backup back; `everseal doctor --rebuild` "
                "makes one from the archive");
  }
}

}  // namespace

struct Store::State {
  std::string directory;
  std::string actor;
  std::unique_ptr<sql::Database> database;
};

Store::Store(std::unique_ptr<State> state) : state_(std::move(state)) {}
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;
Store::~Store() = default;

Store Store::open(const std::string& state, sql::Access access, base::Time now) {
  require_safe_directory(state);
  auto database = open_database(state, access);
  sql::require_known_schema(*database);
  if (access == sql::Access::read_write)
    bring_up_to_date(state, *database, now);
  else if (sql::schema_version(*database) < sql::newest_schema_version())
    throw Error(Fault::io,
                fmt::format("{} has schema {}, this program needs {}", database_file(state),
                            sql::schema_version(*database), sql::newest_schema_version()),
                "any command that writes brings it up to date, after a copy was kept");
  return Store(std::make_unique<State>(State{state, user_name(::getuid()), std::move(database)}));
}

Store Store::create(const std::string& state, base::Time now) {
  struct stat found {};
  if (::stat(state.c_str(), &found) != 0 && errno == ENOENT) base::Directory::create(state, 0700);
  require_safe_directory(state);
  {
    const auto lock = lock_store(state);
    try {
      sql::create(database_file(state));
      base::Directory::open(state).sync();
    } catch (const Error& error) {
      if (error.fault() != Fault::exists) throw;
    }
  }
  return open(state, sql::Access::read_write, now);
}

const std::string& Store::state() const noexcept { return state_->directory; }
sql::Database& Store::database() noexcept { return *state_->database; }
void Store::set_actor(std::string actor) { state_->actor = std::move(actor); }
const std::string& Store::actor() const noexcept { return state_->actor; }

void Store::transaction(const std::function<void()>& work) { state_->database->transaction(work); }
void Store::snapshot(const std::function<void()>& work) { state_->database->snapshot(work); }

void Store::prove_writable(base::Time now) {
  // Two commits, because pages that are freed again before the first one are never written.
  set_setting("store.proof", std::string(kProofOctets, ' '));
  set_setting("store.proof", base::format_time(now));
}

std::optional<std::string> Store::setting(const std::string& key) {
  sql::Query query(database(), "select value from setting where key = $1");
  query->bind(1, key);
  if (!query->step()) return std::nullopt;
  return std::string(query->text(0));
}

void Store::set_setting(const std::string& key, const std::string& value) {
  sql::Query query(database(),
                   "insert into setting (key, value) values ($1, $2) on conflict (key) do update set value = $2");
  query->bind(1, key).bind(2, value).execute();
}

}  // namespace everseal::inventory
