// Databases of every schema so far, with rows in every table, are brought to the newest one.
#include "base/file.h"
#include "base/text.h"
#include "inventory/events.h"
#include "inventory/support.h"
#include "sql/migration.h"
#include "sql/query.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

using namespace everseal;
using namespace everseal::inventory;

namespace {

std::string golden(int schema) {
  const std::string file = fmt::format("{}/tests/data/schema/v{}.sql", EVERSEAL_SOURCE_DIR, schema);
  const base::Bytes bytes = base::read_file(file, 1 << 20);
  return std::string(base::as_text(bytes));
}

std::vector<std::string> texts(sql::Database& database, const std::string& sql) {
  std::vector<std::string> found;
  sql::Query query(database, sql);
  while (query->step()) found.emplace_back(query->text(0));
  return found;
}

std::vector<std::string> tables(sql::Database& database) {
  return texts(database, "select name from sqlite_schema where type = 'table' order by name");
}

std::vector<std::string> columns(sql::Database& database, const std::string& table) {
  return texts(database, fmt::format("select name from pragma_table_info('{}') order by name", table));
}

// Everything that a schema is made of; constraints come with their tables.
std::vector<std::string> schema_of(sql::Database& database) {
  return texts(database,
               "select type || ' ' || name || ': ' || coalesce(sql, '') from sqlite_schema where name not like "
               "'sqlite_%' order by 1");
}

std::string row_text(const std::string& table, const std::vector<std::string>& columns) {
  std::string parts;
  for (const std::string& column : columns)
    parts += (parts.empty() ? "" : " || '|' || ") + fmt::format("quote({})", column);
  return fmt::format("select {} from {} order by 1", parts, table);
}

// What a migration changes on purpose: in these columns the rows may differ.
const std::map<std::string, std::set<std::string>> kChanged{
    {"migration", {"number", "name", "applied"}},  // more of them
    {"attempt", {"step"}},                         // "sign-crl" became "crl"
};

}  // namespace

TEST_CASE("a database of each schema so far is upgraded without losing a row") {
  TestState fresh;
  const int newest = sql::newest_schema_version();
  // Whoever adds a migration adds a database of the schema before it.
  for (const base::EmbeddedFile& migration : sql::sqlite_migrations()) {
    const int schema = std::stoi(std::string(migration.name));
    if (schema == newest) continue;
    CAPTURE(schema);
    const fakes::TemporaryDirectory directory;
    const std::string state = directory / "state";
    base::Directory::create(state, 0700);
    const auto load = [&](const std::string& file) {
      auto database = sql::create(file);
      database->change_schema([&] { database->execute(golden(schema)); });
      return database;
    };
    const auto before = load(directory / "before.db");
    CHECK(sql::schema_version(*before) == schema);
    CHECK_NOTHROW(before->check_integrity());
    load(state + "/everseal.db").reset();

    Store store = Store::open(state, sql::Access::read_write, kNow);
    sql::Database& after = store.database();
    CHECK(sql::schema_version(after) == newest);
    CHECK_NOTHROW(after.check_integrity());
    CHECK(schema_of(after) == schema_of(fresh.store.database()));
    for (const std::string& table : tables(*before)) {
      CAPTURE(table);
      auto shared = columns(*before, table);
      REQUIRE_FALSE(texts(*before, row_text(table, shared)).empty());
      const auto still = columns(after, table);
      REQUIRE_FALSE(still.empty());
      std::erase_if(shared, [&](const std::string& column) {
        const auto changed = kChanged.find(table);
        return !std::ranges::binary_search(still, column) ||
               (changed != kChanged.end() && changed->second.contains(column));
      });
      if (shared.empty()) continue;
      CHECK(texts(after, row_text(table, shared)) == texts(*before, row_text(table, shared)));
    }
    const HistoryVerdict history = Events(store).verify();
    CHECK_MESSAGE(history.intact(), history.problem());
    CHECK(history.of(Chain::run).checked == 4);
    Events(store).add("a.b", "x", {}, kNow);
    CHECK(Events(store).verify().intact());
    // The copy that was kept is the database as it was.
    int copies = 0;
    for (const auto& entry : std::filesystem::directory_iterator(state))
      if (entry.path().filename().string().starts_with(fmt::format("everseal.db.schema-{}-", schema))) {
        ++copies;
        CHECK(sql::schema_version(*sql::open(entry.path(), sql::Access::read_only)) == schema);
      }
    CHECK(copies == 1);
  }
}
