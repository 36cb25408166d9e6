#include "sql/kinds/sqlite/statement.h"

#include "base/error.h"
#include "base/number.h"
#include "sql/kinds/sqlite/errors.h"

#include <fmt/format.h>

namespace everseal::sql {
namespace {

using base::Error;
using base::Fault;

constexpr std::size_t kMostParameters = 100;

}  // namespace

Prepared prepare_once(sqlite3* db, const std::string& file, const char* sql) {
  sqlite3_stmt* raw = nullptr;
  const int code = sqlite3_prepare_v2(db, sql, -1, &raw, nullptr);
  Prepared statement(raw);
  if (code != SQLITE_OK) throw sqlite_error(db, code, "read", file);
  return statement;
}

SqliteStatement::SqliteStatement(sqlite3* db, const std::string& file, std::string_view sql) : db_(db), file_(file) {
  sqlite3_stmt* raw = nullptr;
  const int code =
      sqlite3_prepare_v3(db, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
  statement_.reset(raw);
  if (code != SQLITE_OK) throw sqlite_error(db, code, "read", file);
  if (raw == nullptr) throw Error(Fault::internal, "an empty SQL statement");
  writes_ = sqlite3_stmt_readonly(raw) == 0;
  for (int at = 1; at <= sqlite3_bind_parameter_count(raw); ++at) note_parameter(at);
}

Statement& SqliteStatement::bind(int number, std::int64_t value) {
  return check(sqlite3_bind_int64(statement_.get(), index(number), value));
}

Statement& SqliteStatement::bind(int number, std::string_view text) {
  const char* data = text.data() == nullptr ? "" : text.data();
  return check(sqlite3_bind_text64(statement_.get(), index(number), data, text.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
}

Statement& SqliteStatement::bind(int number, base::BytesView blob) {
  const void* data = blob.data() == nullptr ? static_cast<const void*>("") : blob.data();
  return check(sqlite3_bind_blob64(statement_.get(), index(number), data, blob.size(), SQLITE_TRANSIENT));
}

Statement& SqliteStatement::bind_null(int number) { return check(sqlite3_bind_null(statement_.get(), index(number))); }

bool SqliteStatement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    sqlite3_reset(statement_.get());
    return false;
  }
  const Error error = sqlite_error(db_, code, writes_ ? "write" : "read", file_);
  sqlite3_reset(statement_.get());
  throw error;
}

bool SqliteStatement::is_null(int column) const { return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL; }
std::int64_t SqliteStatement::integer(int column) const { return sqlite3_column_int64(statement_.get(), column); }
std::string_view SqliteStatement::text(int column) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  return {data, data == nullptr ? 0 : static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

base::BytesView SqliteStatement::blob(int column) const {
  const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_.get(), column));
  return {data, data == nullptr ? 0 : static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

void SqliteStatement::reset() { sqlite3_reset(statement_.get()); }

std::int64_t SqliteStatement::execute() {
  const std::int64_t before = sqlite3_total_changes64(db_);
  while (step()) {
  }
  return sqlite3_total_changes64(db_) == before ? 0 : sqlite3_changes64(db_);
}

void SqliteStatement::begin_use() {
  if (sqlite3_stmt_busy(statement_.get()) != 0)
    throw Error(Fault::internal, "an SQL statement is used while it stands on a row");
  sqlite3_clear_bindings(statement_.get());
}

// "$7", whichever place SQLite gave it
void SqliteStatement::note_parameter(int at) {
  const char* name = sqlite3_bind_parameter_name(statement_.get(), at);
  const std::string_view text = name == nullptr ? "" : name;
  const auto digits = text.substr(text.starts_with('$') ? 1 : text.size());
  const std::size_t number = base::parse_number<std::size_t>(digits).value_or(0);
  if (number == 0 || number > kMostParameters)
    throw Error(Fault::internal, "an SQL statement has a parameter that is not $1, $2, ...");
  if (indexes_.size() < number) indexes_.resize(number);
  indexes_[number - 1] = at;
}

int SqliteStatement::index(int number) const {
  const auto at = static_cast<std::size_t>(number) - 1;
  if (at >= indexes_.size() || indexes_[at] == 0)
    throw Error(Fault::internal, fmt::format("an SQL statement has no parameter ${}", number));
  return indexes_[at];
}

Statement& SqliteStatement::check(int code) {
  if (code != SQLITE_OK) throw sqlite_error(db_, code, "bind a value for", file_);
  return *this;
}

}  // namespace everseal::sql
