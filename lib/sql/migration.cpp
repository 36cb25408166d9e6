#include "sql/migration.h"

#include "base/error.h"
#include "sql/query.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace everseal::sql {
namespace {

using base::Error;
using base::Fault;

int number_of(const base::EmbeddedFile& file) {
  int number = 0;
  const auto [end, error] = std::from_chars(file.name.data(), file.name.data() + file.name.size(), number);
  if (error != std::errc() || number <= 0 || end == file.name.data() + file.name.size() || *end != '_')
    throw Error(Fault::internal, fmt::format("migration {} has no number", file.name));
  return number;
}

int newest(std::span<const base::EmbeddedFile> migrations) {
  int number = 0;
  for (const auto& file : migrations) number = std::max(number, number_of(file));
  return number;
}

void require_known(Database& database, int known) {
  const int version = schema_version(database);
  if (version <= known) return;
  throw Error(Fault::newer,
              fmt::format("the database has schema {}, this program knows schemas up to {}", version, known),
              "install the Everseal version that wrote it, or a newer one; nothing was changed");
}

void apply(Database& database, const base::EmbeddedFile& file, base::Time now) {
  base::within(fmt::format("migration {}", file.name), [&] { database.execute(file.text); });
  Query record(database, "insert into migration (number, name, applied) values ($1, $2, $3)");
  record->bind(1, number_of(file)).bind(2, file.name).bind(3, base::to_unix(now)).execute();
}

}  // namespace

int schema_version(Database& database) {
  if (!database.has_table("migration")) return 0;
  Query query(database, "select coalesce(max(number), 0) from migration");
  query->step();
  return static_cast<int>(query->integer(0));
}

std::span<const base::EmbeddedFile> sqlite_migrations(int last) {
  const auto all = sqlite_migrations();
  const auto end = std::ranges::find_if(all, [&](const base::EmbeddedFile& file) { return number_of(file) > last; });
  return all.first(static_cast<std::size_t>(end - all.begin()));
}

int newest_schema_version() { return newest(sqlite_migrations()); }

void require_known_schema(Database& database) { require_known_schema(database, sqlite_migrations()); }

void require_known_schema(Database& database, std::span<const base::EmbeddedFile> known) {
  require_known(database, newest(known));
}

int migrate(Database& database, base::Time now) { return migrate(database, sqlite_migrations(), now); }

int migrate(Database& database, std::span<const base::EmbeddedFile> migrations, base::Time now) {
  require_known(database, newest(migrations));
  const int version = schema_version(database);
  if (version == newest(migrations)) return 0;
  int applied = 0;
  database.change_schema([&] {
    for (const auto& file : migrations) {
      if (number_of(file) <= version) continue;
      apply(database, file, now);
      ++applied;
    }
  });
  return applied;
}

}  // namespace everseal::sql
