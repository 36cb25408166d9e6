#include "bench/bare_sql.h"

#include "bench/measure.h"

#include <stdexcept>
#include <vector>

#include <fmt/format.h>
#include <sqlite3.h>

namespace everseal::bench {
namespace {

constexpr const char* kColumns =
    "select fingerprint, serial, subject, issuer, names, not_before, not_after, key, is_ca, first_seen, revoked_at, "
    "revocation_reason, managed, version, environment, issuer_name, version_state from certificate ";

void run(sqlite3* db, const std::string& sql) {
  if (sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
    throw std::runtime_error(sqlite3_errmsg(db));
}

std::vector<std::string> texts(sqlite3* db, const std::string& sql) {
  std::vector<std::string> found;
  sqlite3_stmt* statement = nullptr;
  sqlite3_prepare_v2(db, sql.c_str(), -1, &statement, nullptr);
  while (sqlite3_step(statement) == SQLITE_ROW)
    found.emplace_back(reinterpret_cast<const char*>(sqlite3_column_text(statement, 0)));
  sqlite3_finalize(statement);
  return found;
}

// Row by row, as an importer would, but with nothing to parse.
std::int64_t copy_table(sqlite3* from, sqlite3* to, const std::string& table) {
  sqlite3_stmt* read = nullptr;
  sqlite3_prepare_v2(from, fmt::format("select * from {}", table).c_str(), -1, &read, nullptr);
  const int columns = sqlite3_column_count(read);
  std::string marks = "?";
  for (int i = 1; i < columns; ++i) marks += ",?";
  sqlite3_stmt* write = nullptr;
  sqlite3_prepare_v2(to, fmt::format("insert into {} values ({})", table, marks).c_str(), -1, &write, nullptr);
  std::int64_t count = 0;
  while (sqlite3_step(read) == SQLITE_ROW) {
    for (int i = 0; i < columns; ++i) sqlite3_bind_value(write, i + 1, sqlite3_column_value(read, i));
    if (sqlite3_step(write) != SQLITE_DONE) throw std::runtime_error(sqlite3_errmsg(to));
    sqlite3_reset(write);
    if (++count % 10'000 == 0) run(to, "commit; begin");
  }
  sqlite3_finalize(read);
  sqlite3_finalize(write);
  return count;
}

}  // namespace

BareSql::BareSql(const std::string& file) {
  if (sqlite3_open_v2(file.c_str(), &db_, SQLITE_OPEN_READONLY, nullptr) != SQLITE_OK)
    throw std::runtime_error(sqlite3_errmsg(db_));
  run(db_, "pragma cache_size = -32000");
}

BareSql::~BareSql() { sqlite3_close(db_); }

double BareSql::query(const std::string& sql) const {
  std::int64_t octets = 0;
  const double spent = seconds([&] {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(db_, sql.c_str(), -1, &statement, nullptr) != SQLITE_OK)
      throw std::runtime_error(sqlite3_errmsg(db_));
    while (sqlite3_step(statement) == SQLITE_ROW)
      for (int i = 0; i < sqlite3_column_count(statement); ++i) {
        sqlite3_column_blob(statement, i);
        octets += sqlite3_column_bytes(statement, i);
      }
    sqlite3_finalize(statement);
  });
  if (octets == 0) throw std::runtime_error("the bare query found nothing: " + sql);
  return spent;
}

double BareSql::expiring(std::int64_t now, std::int64_t before) const {
  return query(
      fmt::format("{} where not_after >= {} and not_after < {} and is_ca = 0 and (version_state is null or "
                  "version_state <> 'retired') order by not_after, id",
                  kColumns, now, before));
}

double BareSql::named(const std::string& reversed) const {
  return query(
      fmt::format("{} where id in (select certificate from certificate_name where reversed = cast('{}' as blob)) "
                  "order by not_after, id",
                  kColumns, reversed));
}

double BareSql::fingerprint(const std::string& hex) const {
  return query(fmt::format("{} where fingerprint = x'{}'", kColumns, hex));
}

double BareSql::changed(std::int64_t from, std::int64_t until) const {
  double spent = 0;
  const auto ask = [&](const char* table, const char* begin, const char* end) {
    for (const char* const column : {begin, end})
      spent +=
          query(fmt::format("select * from {0} join place on place.id = {0}.place where {0}.{1} >= {2} and "
                            "{0}.{1} < {3}",
                            table, column, from, until));
  };
  ask("sighting", "first_seen", "last_seen");
  ask("finding", "opened", "closed");
  return spent;
}

double BareSql::shown_at(std::int64_t when) const {
  return query(
      fmt::format("select * from certificate join sighting on sighting.certificate = fingerprint join place on "
                  "place.id = sighting.place where sighting.first_seen <= {} and "
                  "(sighting.last_seen is null or sighting.last_seen >= {}) order by not_after",
                  when, when));
}

double BareSql::copy_rate(const std::string& file) const {
  sqlite3* made = nullptr;
  if (sqlite3_open(file.c_str(), &made) != SQLITE_OK) throw std::runtime_error(sqlite3_errmsg(made));
  run(made, "pragma journal_mode = wal; pragma synchronous = full");
  for (const std::string& sql : texts(db_,
                                      "select sql from sqlite_schema where sql is not null and tbl_name in "
                                      "('certificate', 'certificate_name') order by type desc"))
    run(made, sql);
  std::int64_t count = 0;
  const double spent = seconds([&] {
    run(made, "begin");
    count = copy_table(db_, made, "certificate");
    copy_table(db_, made, "certificate_name");
    run(made, "commit");
  });
  sqlite3_close(made);
  return static_cast<double>(count) / spent;
}

}  // namespace everseal::bench
