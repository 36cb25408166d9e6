// A database of an older Everseal whose upgrade is killed.
#include "system/kill.h"
#include "system/site.h"

#include <filesystem>
#include <sstream>

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace everseal;
using namespace everseal::system;

namespace {

namespace fs = std::filesystem;

std::string golden(int schema) { return fmt::format("{}/tests/data/schema/v{}.sql", EVERSEAL_SOURCE_DIR, schema); }

std::string database_of(const Site& site) { return site.state() + "/everseal.db"; }

// Everything in it, but when each migration was applied.
std::string content_of(const std::string& database) {
  std::istringstream dump(run_or_fail({"sqlite3", database, ".dump"}, {.output_limit = 16 << 20}));
  std::string content;
  for (std::string line; std::getline(dump, line);)
    if (!line.starts_with("INSERT INTO migration ")) content += line + "\n";
  return content;
}

// In a state directory of today.
void put_golden(const Site& site, int schema) {
  require_status(site.everseal({"init"}), 0);
  const std::string application = run_or_fail({"sqlite3", database_of(site), "pragma application_id"});
  for (const char* end : {"", "-wal", "-shm"}) fs::remove(database_of(site) + end);
  run_or_fail({"sqlite3", database_of(site), "pragma journal_mode = wal", "pragma application_id = " + application,
               ".read " + golden(schema)});
  fs::permissions(database_of(site), fs::perms::owner_read | fs::perms::owner_write);
}

}  // namespace

TEST_CASE("an upgrade killed at any system call leaves the old database or the new one, and a copy that is whole") {
  for (int schema = 1; schema < 100; ++schema) {
    if (!fs::exists(golden(schema))) continue;
    CAPTURE(schema);
    const Site whole(Site::Ca::none);
    put_golden(whole, schema);
    const std::string before = content_of(database_of(whole));
    require_status(whole.everseal({"init"}), 0);
    const std::string after = content_of(database_of(whole));
    REQUIRE(after != before);
    kill_everywhere({.prepare = [&](const Site& site) { put_golden(site, schema); },
                     .places = {"state"},
                     .words = [](const Site&) { return Words{"init"}; },
                     .go_on =
                         [&](const Site& site, std::vector<std::string>& wrong) {
                           require_success(site, {{"init"}, {"list"}, {"history", "--verify"}}, wrong);
                           if (content_of(database_of(site)) != after) wrong.emplace_back("it does not hold the same");
                           int copies = 0;
                           for (const auto& entry : fs::directory_iterator(site.state())) {
                             if (!entry.path().filename().string().starts_with("everseal.db.")) continue;
                             ++copies;
                             if (content_of(entry.path()) != before)
                               wrong.push_back(fmt::format("{} is not the database of before", entry.path().string()));
                           }
                           if (copies == 0) wrong.emplace_back("no copy was kept");
                         },
                     .ca = Site::Ca::none},
                    12);
  }
}
