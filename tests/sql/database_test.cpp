#include "sql/database.h"

#include "base/error.h"
#include "error_of.h"
#include "fakes/temporary_directory.h"
#include "sql/query.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace everseal;
using namespace std::string_literals;
using namespace std::string_view_literals;
using base::Error;
using base::Fault;
using everseal::fakes::TemporaryDirectory;

namespace {

std::unique_ptr<sql::Database> fresh(const TemporaryDirectory& directory) {
  auto database = sql::create(directory / "everseal.db");
  database->execute("create table t (id integer primary key, name text unique, octets blob) strict");
  return database;
}

std::int64_t count(sql::Database& database) {
  sql::Query query(database, "select count(*) from t");
  query->step();
  return query->integer(0);
}

void add(sql::Database& database, std::string_view name) {
  sql::Query(database, "insert into t (name) values ($1)")->bind(1, name).execute();
}

mode_t mode_of(const std::string& path) {
  struct stat found {};
  return ::stat(path.c_str(), &found) == 0 ? found.st_mode & 07777 : 0;
}

// Other programs look at the database through the SQLite shell.
int shell(const std::string& command) { return std::system(command.c_str()); }

}  // namespace

TEST_CASE("parameters are bound by their number, wherever they stand") {
  const TemporaryDirectory directory;
  const auto database = fresh(directory);
  sql::Query query(*database, "select $2, $1, $2 || $3");
  query->bind(1, 7).bind(2, "b").bind(3, std::string("c"));
  REQUIRE(query->step());
  CHECK(query->text(0) == "b");
  CHECK(query->integer(1) == 7);
  CHECK(query->text(2) == "bc");
  CHECK_FALSE(query->step());
  CHECK(error_of([&] { query->bind(4, 1); }).fault() == Fault::internal);
}

TEST_CASE("the numbers of parameters may have gaps") {
  const TemporaryDirectory directory;
  const auto database = fresh(directory);
  sql::Query query(*database, "select $7, $3");
  query->bind(3, 33).bind(7, 77);
  REQUIRE(query->step());
  CHECK(query->integer(0) == 77);
  CHECK(query->integer(1) == 33);
  CHECK(error_of([&] { query->bind(1, 1); }).fault() == Fault::internal);
  CHECK(error_of([&] { database->prepare("select ?"); }).fault() == Fault::internal);
  CHECK(error_of([&] { database->prepare("select $name"); }).fault() == Fault::internal);
}

TEST_CASE("values come back as they were bound") {
  const TemporaryDirectory directory;
  const auto database = fresh(directory);
  const std::string text("a\0b\n\xff", 5);
  const base::Bytes octets{0, 255, 10, 0};
  sql::Query insert(*database, "insert into t (id, name, octets) values ($1, $2, $3)");
  insert->bind(1, std::int64_t{-9000000000}).bind(2, text).bind(3, octets).execute();
  sql::Query select(*database, "select id, name, octets, null from t");
  REQUIRE(select->step());
  CHECK(select->integer(0) == -9000000000);
  CHECK(select->text(1) == text);
  CHECK(base::Bytes(select->blob(2).begin(), select->blob(2).end()) == octets);
  CHECK(select->is_null(3));
  CHECK(select->text(3).empty());
}

TEST_CASE("empty text and empty blobs are not NULL, absent optionals are") {
  const TemporaryDirectory directory;
  const auto database = fresh(directory);
  sql::Query query(*database, "select typeof($1), typeof($2), typeof($3), typeof($4)");
  query->bind(1, std::string_view{}).bind(2, base::BytesView{}).bind(3, std::optional<std::int64_t>{});
  query->bind(4, std::optional<std::string>("x"));
  REQUIRE(query->step());
  CHECK(query->text(0) == "text");
  CHECK(query->text(1) == "blob");
  CHECK(query->text(2) == "null");
  CHECK(query->text(3) == "text");
}

TEST_CASE("a prepared statement forgets what it was bound to before") {
  const TemporaryDirectory directory;
  const auto database = fresh(directory);
  { sql::Query(*database, "select $1")->bind(1, "secret").step(); }
  sql::Query query(*database, "select $1");
  REQUIRE(query->step());
  CHECK(query->is_null(0));
}

TEST_CASE("a statement that stands on a row is not given to a second user") {
  const TemporaryDirectory directory;
  const auto database = fresh(directory);
  add(*database, "a");
  sql::Query query(*database, "select id from t");
  REQUIRE(query->step());
  CHECK(error_of([&] { database->prepare("select id from t"); }).fault() == Fault::internal);
}

TEST_CASE("execute tells how many rows were changed") {
  const TemporaryDirectory directory;
  const auto database = fresh(directory);
  add(*database, "a");
  add(*database, "b");
  CHECK(sql::Query(*database, "update t set octets = null")->execute() == 2);
  CHECK(sql::Query(*database, "update t set octets = null where id = 99")->execute() == 0);
  CHECK(sql::Query(*database, "delete from t where name = 'a'")->execute() == 1);
}

TEST_CASE("a transaction that throws leaves nothing") {
  const TemporaryDirectory directory;
  const auto database = fresh(directory);
  CHECK_THROWS_AS(database->transaction([&] {
    add(*database, "a");
    throw std::runtime_error("no");
  }),
                  std::runtime_error);
  CHECK(count(*database) == 0);
  database->transaction([&] { add(*database, "b"); });
  CHECK(count(*database) == 1);
}

TEST_CASE("a nested transaction that throws takes back its own part only") {
  const TemporaryDirectory directory;
  const auto database = fresh(directory);
  database->transaction([&] {
    add(*database, "outer");
    CHECK_THROWS(database->transaction([&] {
      add(*database, "inner");
      throw Error(Fault::denied, "no");
    }));
    database->transaction([&] { add(*database, "second"); });
  });
  CHECK(count(*database) == 2);
}

TEST_CASE("a nested transaction falls with the outer one") {
  const TemporaryDirectory directory;
  const auto database = fresh(directory);
  CHECK_THROWS(database->transaction([&] {
    database->transaction([&] { add(*database, "inner"); });
    throw Error(Fault::denied, "no");
  }));
  CHECK(count(*database) == 0);
}

TEST_CASE("a snapshot does not see what another connection commits meanwhile") {
  const TemporaryDirectory directory;
  const auto database = fresh(directory);
  const auto other = sql::open(directory / "everseal.db", sql::Access::read_write);
  database->snapshot([&] {
    CHECK(count(*database) == 0);
    add(*other, "a");
    CHECK(count(*database) == 0);
    CHECK(error_of([&] { database->transaction([] {}); }).fault() == Fault::internal);
  });
  CHECK(count(*database) == 1);
}

TEST_CASE("violated keys are told from our own mistakes") {
  const TemporaryDirectory directory;
  const auto database = fresh(directory);
  database->execute("create table child (t integer references t (id), n integer not null check (n > 0)) strict");
  add(*database, "a");
  CHECK(error_of([&] { add(*database, "a"); }).fault() == Fault::exists);
  CHECK(error_of([&] { database->execute("insert into child values (99, 1)"); }).fault() == Fault::exists);
  CHECK(error_of([&] { database->execute("insert into child values (1, 0)"); }).fault() == Fault::internal);
  CHECK(error_of([&] { database->execute("insert into child values (1, null)"); }).fault() == Fault::internal);
  CHECK(error_of([&] { database->prepare("selec"); }).fault() == Fault::internal);
  CHECK(error_of([&] { database->prepare(""); }).fault() == Fault::internal);
}

TEST_CASE("nobody else can read the database, its log or a copy") {
  const TemporaryDirectory directory;
  const mode_t before = ::umask(0);
  const auto database = fresh(directory);
  database->copy_to(directory / "copy.db");
  ::umask(before);
  for (const char* name : {"everseal.db", "everseal.db-wal", "everseal.db-shm", "copy.db"}) {
    CAPTURE(name);
    CHECK(mode_of(directory / name) == 0600);
  }
}

TEST_CASE("commits are synced, foreign keys hold, the log is written ahead") {
  const TemporaryDirectory directory;
  const auto database = fresh(directory);
  const std::vector<std::pair<const char*, std::string>> settings{
      {"pragma journal_mode", "wal"},  {"pragma synchronous", "2"},    {"pragma foreign_keys", "1"},
      {"pragma busy_timeout", "5000"}, {"pragma trusted_schema", "0"}, {"pragma cell_size_check", "1"}};
  for (const auto& [pragma, value] : settings) {
    CAPTURE(pragma);
    sql::Query query(*database, pragma);
    REQUIRE(query->step());
    CHECK(query->text(0) == value);
  }
}

TEST_CASE("only a commit that may become durable with the next is not synced, and what is nested in it") {
  const TemporaryDirectory directory;
  const auto database = fresh(directory);
  const auto level = [&] {
    sql::Query query(*database, "pragma synchronous");
    query->step();
    return query->text(0) == "2" ? "synced" : "not synced";
  };
  using enum sql::Durability;
  database->transaction([&] { CHECK(level() == "synced"sv); });
  database->transaction(
      [&] {
        CHECK(level() == "not synced"sv);
        database->transaction([&] { CHECK(level() == "not synced"sv); }, on_return);
        add(*database, "one");
      },
      deferred);
  CHECK(level() == "synced"sv);
  database->transaction([&] { database->transaction([&] { CHECK(level() == "synced"sv); }, deferred); }, on_return);
  CHECK_THROWS(database->transaction([] { throw Error(Fault::io, "x"); }, deferred));
  CHECK(level() == "synced"sv);
  CHECK(count(*sql::open(directory / "everseal.db", sql::Access::read_only)) == 1);
}

TEST_CASE("room that is held is behind the log's end, is used up by commits and held again") {
  const TemporaryDirectory directory;
  const auto database = fresh(directory);
  const std::string log = directory / "everseal.db-wal";
  const auto size = [&] { return static_cast<std::int64_t>(std::filesystem::file_size(log)); };
  constexpr std::int64_t kRoom = 64 * 1024;
  const std::int64_t before = size();
  database->hold_room(kRoom);
  const std::int64_t held = size();
  CHECK(held >= before + kRoom);
  database->hold_room(kRoom);
  CHECK(size() == held);
  for (int i = 0; i < 20; ++i) add(*database, std::to_string(i));
  database->hold_room(kRoom);
  CHECK(size() > held);
  // As a power cut leaves it.
  for (const char* name : {"everseal.db", "everseal.db-wal"})
    std::filesystem::copy_file(directory / name, directory / ("cut-"s + name));
  const auto cut = sql::open(directory / "cut-everseal.db", sql::Access::read_write);
  CHECK(count(*cut) == 20);
  CHECK_NOTHROW(cut->check_integrity());
  add(*cut, "after");
  CHECK(count(*cut) == 21);
}

TEST_CASE("opening makes no database, creating replaces none") {
  const TemporaryDirectory directory;
  CHECK(error_of([&] { sql::open(directory / "everseal.db", sql::Access::read_write); }).fault() == Fault::not_found);
  CHECK(mode_of(directory / "everseal.db") == 0);
  fresh(directory);
  CHECK(error_of([&] { sql::create(directory / "everseal.db"); }).fault() == Fault::exists);
  CHECK(count(*sql::open(directory / "everseal.db", sql::Access::read_only)) == 0);
  CHECK(error_of([&] { sql::open(directory.path(), sql::Access::read_write); }).fault() == Fault::invalid);
}

TEST_CASE("a database that was cut off before its first commit is taken up again") {
  const TemporaryDirectory directory;
  std::ofstream(directory / "everseal.db").close();
  sql::open(directory / "everseal.db", sql::Access::read_write)->execute("create table t (id integer)");
  CHECK(sql::open(directory / "everseal.db", sql::Access::read_only)->has_table("t"));
}

TEST_CASE("another program's database is refused and left alone") {
  const TemporaryDirectory directory;
  const std::vector<std::string> scripts{"create table theirs (x)", "pragma application_id = 12345"};
  for (std::size_t i = 0; i < scripts.size(); ++i) {
    const std::string file = directory / (std::to_string(i) + ".db");
    REQUIRE(shell("sqlite3 " + file + " '" + scripts[i] + "'") == 0);
    std::ifstream before(file);
    const std::string text((std::istreambuf_iterator<char>(before)), {});
    for (const auto access : {sql::Access::read_only, sql::Access::read_write}) {
      const Error error = error_of([&] { sql::open(file, access); });
      CHECK(error.fault() == Fault::invalid);
      CHECK(error.message().find("another program") != std::string::npos);
    }
    std::ifstream after(file);
    CHECK(std::string((std::istreambuf_iterator<char>(after)), {}) == text);
  }
}

TEST_CASE("what is no database is reported as corrupt, with the way out") {
  const TemporaryDirectory directory;
  const std::string file = directory / "everseal.db";
  std::ofstream(file) << std::string(20000, 'x');
  const Error error = error_of([&] { sql::open(file, sql::Access::read_write); });
  CHECK(error.fault() == Fault::corrupt);
  CHECK(error.message().find(file) != std::string::npos);
  CHECK(error.hint().find("everseal restore") != std::string::npos);
  CHECK(error.hint().find("doctor --rebuild") != std::string::npos);
}

TEST_CASE("flipped bytes are found by the integrity check or by reading") {
  const TemporaryDirectory directory;
  const std::string file = directory / "everseal.db";
  {
    const auto database = fresh(directory);
    database->transaction([&] {
      for (int i = 0; i < 2000; ++i) add(*database, std::string(50, 'n') + std::to_string(i));
    });
    CHECK_NOTHROW(database->check_integrity());
  }
  std::fstream raw(file, std::ios::in | std::ios::out | std::ios::binary);
  raw.seekp(3 * 4096);
  raw << std::string(600, '\x5a');
  raw.close();
  const Error error = error_of([&] { sql::open(file, sql::Access::read_only)->check_integrity(); });
  CHECK(error.fault() == Fault::corrupt);
  CHECK_FALSE(error.hint().empty());
}

TEST_CASE("a row that refers to nothing is found by the integrity check") {
  const TemporaryDirectory directory;
  const auto database = fresh(directory);
  database->execute("create table child (t integer references t (id)) strict");
  database->execute("pragma foreign_keys = off");
  database->execute("insert into child values (99)");
  CHECK(error_of([&] { database->check_integrity(); }).fault() == Fault::corrupt);
}

TEST_CASE("a writer that waits in vain is told that the database is busy") {
  const TemporaryDirectory directory;
  const auto database = fresh(directory);
  const auto other = sql::open(directory / "everseal.db", sql::Access::read_write);
  other->execute("pragma busy_timeout = 50");
  database->transaction([&] {
    const Error error = error_of([&] { other->transaction([] {}); });
    CHECK(error.fault() == Fault::busy);
    CHECK(count(*other) == 0);  // readers are not held up
  });
  CHECK_NOTHROW(other->transaction([&] { add(*other, "a"); }));
}

TEST_CASE("a read-only connection reads and does not write") {
  const TemporaryDirectory directory;
  const auto database = fresh(directory);
  add(*database, "a");
  const auto reader = sql::open(directory / "everseal.db", sql::Access::read_only);
  CHECK(count(*reader) == 1);
  const Error error = error_of([&] { reader->transaction([&] { add(*reader, "b"); }); });
  CHECK(error.fault() == Fault::io);
  CHECK_FALSE(error.hint().empty());
}

TEST_CASE("a copy is complete, passes the check and overwrites nothing") {
  const TemporaryDirectory directory;
  const auto database = fresh(directory);
  add(*database, "a");
  database->copy_to(directory / "it's a copy.db");
  const auto copy = sql::open(directory / "it's a copy.db", sql::Access::read_only);
  CHECK(count(*copy) == 1);
  CHECK_NOTHROW(copy->check_integrity());
  CHECK(error_of([&] { database->copy_to(directory / "it's a copy.db"); }).fault() == Fault::exists);
  CHECK(error_of([&] { database->copy_to(directory / "none" + "/copy.db"); }).fault() == Fault::io);
}

TEST_CASE("a power cut takes the end of the deferred commits and nothing that was durable before them") {
  const TemporaryDirectory directory;
  const std::string file = directory / "everseal.db";
  const auto database = fresh(directory);
  const auto log_size = [&] { return std::filesystem::file_size(file + "-wal"); };
  constexpr int kDurable = 3, kDeferred = 6;
  for (int i = 1; i <= kDurable; ++i) add(*database, std::to_string(i));
  const auto synced = log_size();
  for (int i = kDurable + 1; i <= kDurable + kDeferred; ++i)
    database->transaction([&] { add(*database, std::to_string(i)); }, sql::Durability::deferred);
  REQUIRE(log_size() > synced);

  // What a disk may hold afterwards: the log up to any octet that was not synced.
  std::int64_t rows_before = kDurable;
  int cuts = 0;
  for (auto size = synced; size <= log_size(); size += 1009, ++cuts) {
    CAPTURE(size);
    const TemporaryDirectory after;
    for (const char* suffix : {"", "-wal"}) std::filesystem::copy_file(file + suffix, (after / "everseal.db") + suffix);
    std::filesystem::resize_file((after / "everseal.db") + "-wal", size);
    const auto found = sql::open(after / "everseal.db", sql::Access::read_write);
    CHECK_NOTHROW(found->check_integrity());
    const std::int64_t rows = count(*found);
    CHECK(rows >= rows_before);
    rows_before = rows;
    sql::Query query(*found, "select name from t order by id");
    for (std::int64_t i = 1; query->step(); ++i) CHECK(query->text(0) == std::to_string(i));
    CHECK_NOTHROW(add(*found, "next"));
  }
  CHECK(cuts > kDeferred);
  CHECK(rows_before >= kDurable + kDeferred - 1);
}

TEST_CASE("a file system without shared memory for a log is refused, not worked with in another way") {
  const TemporaryDirectory directory;
  { fresh(directory)->execute("pragma journal_mode = delete"); }
  sqlite3_vfs* const usual = sqlite3_vfs_find(nullptr);
  sqlite3_vfs_register(sqlite3_vfs_find("unix-dotfile"), 1);
  const Error error = error_of([&] { sql::open(directory / "everseal.db", sql::Access::read_write); });
  sqlite3_vfs_register(usual, 1);
  CHECK(error.fault() == Fault::io);
  CHECK(error.message().find("write-ahead log") != std::string::npos);
  CHECK(error.hint().find("local disk") != std::string::npos);
  CHECK_NOTHROW(sql::open(directory / "everseal.db", sql::Access::read_write));
}

TEST_CASE("the memory of a connection is bounded by the caller") {
  const TemporaryDirectory directory;
  fresh(directory);
  const auto cache_of = [](sql::Database& database) {
    sql::Query query(database, "pragma cache_size");
    query->step();
    return query->integer(0);
  };
  CHECK(cache_of(*sql::open(directory / "everseal.db", sql::Access::read_write)) == -sql::kSmallCache);
  CHECK(cache_of(*sql::open(directory / "everseal.db", sql::Access::read_only, 64)) == -64);
}
