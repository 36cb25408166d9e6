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

constexpr std::int64_t kRoom = 256 * 1024;  // more than several rotations write at once

void bring_up_to_date(const std::string& state, sql::Database& database, base::Time now) {
  if (sql::schema_version(database) == sql::newest_schema_version()) return;
  const auto lock = lock_store(state);
  const int version = sql::schema_version(database);  // somebody else may have been faster
  sql::migrate(database, fmt::format("{}.schema-{}-{}", database_file(state), version, base::to_unix(now)), now);
}

std::unique_ptr<sql::Database> open_database(const std::string& state, sql::Access access) {
  try {
    return sql::open(database_file(state), access);
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
  require_state_directory(state);
  auto database = open_database(state, access);
  sql::require_known_schema(*database);
  if (access == sql::Access::read_write)
    bring_up_to_date(state, *database, now);
  else if (sql::schema_version(*database) < sql::newest_schema_version())
    throw Error(Fault::io,
                fmt::format("{} has schema {}, this program needs {}", database_file(state),
                            sql::schema_version(*database), sql::newest_schema_version()),
                "any command that writes brings it up to date, after a copy was kept");
  return over(state, std::move(database));
}

Store Store::over(const std::string& state, std::unique_ptr<sql::Database> database) {
  return Store(std::make_unique<State>(State{state, base::user_name(::getuid()), std::move(database)}));
}

Store Store::create(const std::string& state, base::Time now) {
  make_state_directory(state);
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

void Store::transaction(const std::function<void()>& work, Durability durability) {
  state_->database->transaction(work, durability);
}
void Store::snapshot(const std::function<void()>& work) { state_->database->snapshot(work); }

void Store::prove_writable(base::Time now) {
  transaction([&] { set_setting("store.proof", base::format_time(now)); }, Durability::with_next);
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
