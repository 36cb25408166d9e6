#include "inventory/store.h"

#include "base/error.h"
#include "base/file.h"
#include "inventory/state_directory.h"
#include "sql/migration.h"
#include "sql/query.h"

#include <fmt/format.h>
#include <unistd.h>

namespace everseal::inventory {
namespace {

using base::Error;
using base::Fault;

constexpr const char* kCopying = "everseal.db.copying";
constexpr std::int64_t kRoom = 256 * 1024;  // more than several rotations write at once

bool is_up_to_date(sql::Database& database) { return sql::schema_version(database) == sql::newest_schema_version(); }

// An empty database beside what an earlier one knew of would take what was revoked for good.
void require_nothing_left(const base::Directory& state) {
  if (!state.has("archive")) return;
  if (base::Directory::open(state.path() + "/archive").list().empty()) return;
  throw Error(Fault::exists, fmt::format("the database of {} is gone, and archive/ is not empty", state.path()),
              "`everseal doctor --rebuild` makes it anew of what lies there, `everseal restore FILE` takes a backup");
}

std::unique_ptr<sql::Database> open_database(const std::string& state, sql::Access access) {
  try {
    return sql::open(database_file(state), access);
  } catch (const Error& error) {
    if (error.fault() != Fault::not_found) throw;
    require_nothing_left(base::Directory::open(state));
    throw Error(Fault::not_found, error.message(),
                "`everseal init` makes one; `everseal restore FILE` brings a backup back; `everseal doctor --rebuild` "
                "makes one from the archive");
  }
}

// What bears its name is whole: a copy that was cut off has another, and goes with the next.
void keep_copy(sql::Database& database, const std::string& state, const std::string& name) {
  const auto directory = base::Directory::open(state);
  remove_database(directory, kCopying);
  database.copy_to(fmt::format("{}/{}", state, kCopying));
  directory.rename(kCopying, name);
}

// Nobody else has it open.
std::unique_ptr<sql::Database> open_up_to_date(const std::string& state, base::Time now) {
  auto database = open_database(state, sql::Access::read_write);
  const int version = sql::schema_version(*database);
  sql::require_known_schema(*database);
  if (version > 0 && !is_up_to_date(*database))
    base::within("keep a copy before the schema changes", [&] {
      keep_copy(*database, state, fmt::format("{}.schema-{}-{}", kDatabase, version, base::to_unix(now)));
    });
  sql::migrate(*database, now);
  return database;
}

}  // namespace

struct Store::State {
  std::optional<StoreAccess> right;  // ends after the database is closed
  std::string directory;
  std::string actor;
  std::unique_ptr<sql::Database> database;
};

Store::Store(std::unique_ptr<State> state) : state_(std::move(state)) {}
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;
Store::~Store() = default;

Store Store::make(const std::string& state, std::optional<StoreAccess> right, std::unique_ptr<sql::Database> database) {
  database->watch_schema([&watched = *database] { sql::require_known_schema(watched); });
  return Store(
      std::make_unique<State>(State{std::move(right), state, base::user_name(::getuid()), std::move(database)}));
}

Store Store::open(const std::string& state, sql::Access access, base::Time now, const base::LockWait& wait) {
  require_state_directory(state);
  for (;;) {
    {
      auto right = StoreAccess::shared(state, wait);
      auto database = open_database(state, access);
      sql::require_known_schema(*database);
      if (is_up_to_date(*database)) return make(state, std::move(right), std::move(database));
      if (sql::schema_version(*database) == 0) require_nothing_left(base::Directory::open(state));
      if (access == sql::Access::read_only)
        throw Error(Fault::io,
                    fmt::format("{} has schema {}, this program needs {}", database_file(state),
                                sql::schema_version(*database), sql::newest_schema_version()),
                    "any command that writes brings it up to date, after a copy was kept");
    }
    const auto right = StoreAccess::exclusive(state, wait);
    open_up_to_date(state, now);
  }
}

Store Store::open_within(StoreAccess exclusive, sql::Access access, base::Time now) {
  const std::string state = exclusive.state();
  require_state_directory(state);
  auto database = open_up_to_date(state, now);
  if (access == sql::Access::read_only) database = open_database(state, access);
  return make(state, std::move(exclusive), std::move(database));
}

Store Store::over(const std::string& state, std::unique_ptr<sql::Database> database) {
  return make(state, std::nullopt, std::move(database));
}

Store Store::create(const std::string& state, base::Time now, const base::LockWait& wait) {
  make_state_directory(state);
  const auto directory = base::Directory::open(state);
  if (!directory.has(kDatabase)) {
    const auto right = StoreAccess::exclusive(state, wait);
    if (!directory.has(kDatabase)) {  // nobody was faster
      require_nothing_left(directory);
      sql::create(database_file(state));
      directory.sync();
    }
    open_up_to_date(state, now);
  }
  return open(state, sql::Access::read_write, now, wait);
}

const std::string& Store::state() const noexcept { return state_->directory; }
sql::Database& Store::database() noexcept { return *state_->database; }
void Store::set_actor(std::string actor) { state_->actor = std::move(actor); }
const std::string& Store::actor() const noexcept { return state_->actor; }

void Store::transaction(const std::function<void()>& work, Durability durability) {
  state_->database->transaction(work, durability);
}
void Store::snapshot(const std::function<void()>& work) { state_->database->snapshot(work); }

void Store::prove_writable(base::Time now) {
  transaction([&] { set_setting("store.proof", base::format_time(now)); }, Durability::deferred);
  database().hold_room(kRoom);
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
