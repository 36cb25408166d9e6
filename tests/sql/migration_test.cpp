#include "sql/migration.h"

#include "base/error.h"
#include "fakes/temporary_directory.h"
#include "sql/query.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <sys/stat.h>

using namespace everseal;
using base::EmbeddedFile;
using base::Error;
using base::Fault;
using everseal::fakes::TemporaryDirectory;

namespace {

constexpr base::Time kNow = base::from_unix(1795000000);
constexpr std::string_view kFirst =
    "create table migration (number integer primary key, name text not null, applied integer not null) strict;"
    "create table a (x integer) strict; insert into a values (1);";
constexpr EmbeddedFile kOne[] = {{"0001_first.sql", kFirst}};
constexpr EmbeddedFile kTwo[] = {{"0001_first.sql", kFirst}, {"0002_second.sql", "create table b (x integer) strict;"}};
constexpr EmbeddedFile kBroken[] = {{"0001_first.sql", kFirst},
                                    {"0002_second.sql", "create table b (x integer) strict;"},
                                    {"0003_third.sql", "create table b (x integer) strict;"}};

template <class Work>
Fault fault_of(Work work) {
  try {
    work();
  } catch (const Error& error) {
    return error.fault();
  }
  FAIL("nothing was thrown");
  return Fault::internal;
}

}  // namespace

TEST_CASE("a new database gets every migration, once") {
  const TemporaryDirectory directory;
  const auto database = sql::create(directory / "everseal.db");
  CHECK(sql::schema_version(*database) == 0);
  CHECK(sql::migrate(*database, kNow) == static_cast<int>(sql::sqlite_migrations().size()));
  CHECK(sql::schema_version(*database) == sql::newest_schema_version());
  CHECK(sql::migrate(*database, kNow) == 0);
  CHECK_NOTHROW(database->check_integrity());
}

TEST_CASE("an older database gets what it lacks") {
  const TemporaryDirectory directory;
  const auto database = sql::create(directory / "everseal.db");
  sql::migrate(*database, kOne, kNow);
  CHECK(sql::migrate(*database, kTwo, kNow) == 1);
  CHECK(database->has_table("b"));
}

TEST_CASE("a migration that fails leaves the schema as it was") {
  const TemporaryDirectory directory;
  const auto database = sql::create(directory / "everseal.db");
  sql::migrate(*database, kOne, kNow);
  CHECK_THROWS_AS(sql::migrate(*database, kBroken, kNow), Error);
  CHECK(sql::schema_version(*database) == 1);
  CHECK_FALSE(database->has_table("b"));
}

TEST_CASE("a newer database is refused and not touched") {
  const TemporaryDirectory directory;
  const auto database = sql::create(directory / "everseal.db");
  sql::migrate(*database, kTwo, kNow);
  CHECK(fault_of([&] { sql::migrate(*database, kOne, kNow); }) == Fault::newer);
  database->execute("insert into migration values (9999, '9999_later.sql', 0)");
  CHECK(fault_of([&] { sql::require_known_schema(*database); }) == Fault::newer);
}

TEST_CASE("a migration without a number is our mistake") {
  const TemporaryDirectory directory;
  const auto database = sql::create(directory / "everseal.db");
  for (const char* name : {"first.sql", "0001", "-1_x.sql", "0_x.sql"}) {
    CAPTURE(name);
    const EmbeddedFile files[] = {{name, kFirst}};
    CHECK(fault_of([&] { sql::migrate(*database, files, kNow); }) == Fault::internal);
  }
}

TEST_CASE("a parent is made anew without its children's rows, and what would be left without one stops the migration") {
  const TemporaryDirectory directory;
  const auto database = sql::create(directory / "everseal.db");
  constexpr std::string_view kFamily =
      "create table migration (number integer primary key, name text not null, applied integer not null);"
      "create table parent (id integer primary key, old text);"
      "create table child (id integer primary key references parent (id) on delete cascade);"
      "insert into parent values (1, 'x'), (2, 'y'); insert into child values (1), (2);";
  constexpr std::string_view kAnew =
      "create table parent_new (id integer primary key, new text);"
      "insert into parent_new select id, old from parent;"
      "drop table parent; alter table parent_new rename to parent;";
  constexpr std::string_view kLoses = "delete from parent where id = 2;";
  const EmbeddedFile first[] = {{"0001_family.sql", kFamily}};
  const EmbeddedFile loses[] = {{"0001_family.sql", kFamily}, {"0002_anew.sql", kAnew}, {"0003_loses.sql", kLoses}};
  const auto children = [&] {
    sql::Query query(*database, "select count(*) from child");
    query->step();
    return query->integer(0);
  };
  sql::migrate(*database, first, kNow);

  CHECK(fault_of([&] { sql::migrate(*database, loses, kNow); }) == Fault::corrupt);
  CHECK(sql::schema_version(*database) == 1);
  CHECK(children() == 2);

  CHECK(sql::migrate(*database, std::span(loses).first(2), kNow) == 1);
  CHECK(children() == 2);
  database->execute("delete from parent where id = 1");  // enforced again
  CHECK(children() == 1);
  CHECK_THROWS_AS(database->execute("insert into child values (99)"), Error);
}

TEST_CASE("a program stops when a newer one has changed the schema below it") {
  const TemporaryDirectory directory;
  const std::string file = directory / "everseal.db";
  const auto older = sql::create(file);
  sql::migrate(*older, kOne, kNow);
  older->watch_schema([&] { sql::require_known_schema(*older, kOne); });
  const auto add = [&] { older->transaction([&] { older->execute("insert into a values (1)"); }); };
  CHECK_NOTHROW(add());

  const auto other = sql::open(file, sql::Access::read_write);
  other->execute("create table unrelated (id integer primary key)");
  CHECK_NOTHROW(add());
  sql::migrate(*other, kTwo, kNow);
  for (int i = 0; i < 2; ++i) {
    CHECK(fault_of(add) == Fault::newer);
    CHECK(fault_of([&] { older->snapshot([] {}); }) == Fault::newer);
  }
  sql::Query rows(*other, "select count(*) from a");
  rows->step();
  CHECK(rows->integer(0) == 3);  // one of the migration, two of ours
}
