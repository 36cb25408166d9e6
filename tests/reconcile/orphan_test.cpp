// What left the config although its table still stands somewhere.
#include "reconcile/orphan.h"

#include "base/error.h"
#include "contains.h"
#include "reconcile/doctor.h"
#include "reconcile/overview.h"
#include "reconcile/plan.h"
#include "reconcile/recover.h"
#include "reconcile/site.h"
#include "reconcile/verbs/remove.h"
#include "reconcile/verbs/renew.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace everseal;
using namespace everseal::reconcile;

namespace {

const Name kOrphan = Name::parse("www");

}  // namespace

TEST_CASE("who left the config although its table still stands hears where, and which config is read") {
  struct Row {
    const char* before;  // the config file when it was issued; "" for none
    const char* after;   // and now
    const char* at;      // where its table stands
    const char* remedy;
  };
  const Row rows[] = {
      {"", "/config/everseal.toml", "/state/conf.d/www.toml:2", "move that file into "},
      {"/config/everseal.toml", "", "/config/conf.d/www.toml:2", "name the config that has it with --config"},
      {"/config/everseal.toml", "/other/everseal.toml", "/config/conf.d/www.toml:2",
       "name the config that has it with --config"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.at);
    Site site;
    std::filesystem::create_directory(site.root.path() + "/other");
    std::ofstream(site.root.path() + "/other/everseal.toml") << "config_version = 1\n";
    const auto read = [&](const std::string& main) {
      return config::files(main.empty() ? std::nullopt : std::optional(site.root.path() + main), site.host.state);
    };
    site.host.files = read(row.before);
    issue(site.host, {site.www(), Keep::alive, {}});
    site.host.files = read(row.after);
    const std::string at = site.root.path() + row.at;
    const auto is_told = [&](const std::string& what, const std::string& remedy) {
      CHECK(contains(what,
                     fmt::format("stands in {}, which is not read: the config is {}", at, to_string(site.host.files))));
      CHECK(contains(remedy, row.remedy));
      CHECK(contains(remedy, site.host.files.fragments));
    };
    const auto state = [&] {
      inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_only, site.now);
      return overview(site.host, store).certificates.front().state.state;
    };
    CHECK(state() == plan::State::orphaned);  // before any run
    const auto remarks = renew(site.host, {}).remarks;
    REQUIRE(remarks.size() == 1);
    CHECK(remarks.front().rule == "orphaned");
    is_told(remarks.front().text, remarks.front().hint);
    CHECK(state() == plan::State::orphaned);
    RenewRequest by_name;
    by_name.names = {kOrphan};
    const Verdict named = renew(site.host, by_name);
    CHECK(named.exit_code() == 1);
    REQUIRE(named.outcomes.size() == 1);
    is_told(named.outcomes.front().text, named.outcomes.front().facts.hint);
    by_name.force = Force::yes;
    try {
      renew(site.host, by_name);
      FAIL("nothing was refused");
    } catch (const base::Error& error) {
      is_told(error.message(), error.hint());
    }
    bool examined = false;
    for (const Complaint& one : examine(site.host))
      if (one.rule == "orphaned") {
        examined = true;
        is_told(one.what, one.remedy);
      }
    CHECK(examined);
    // Done as it says, it is renewed again.
    if (*row.after != '\0') {
      std::filesystem::create_directories(site.host.files.fragments);
      std::filesystem::rename(at.substr(0, at.rfind(':')), site.host.files.fragments + "/www.toml");
    } else {
      site.host.files = read(row.before);
    }
    CHECK(renew(site.host, {}).remarks.empty());
    inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_only, site.now);
    CHECK_FALSE(inventory::Managed(store).find(kOrphan)->orphaned);
  }
}

TEST_CASE("`issue` on what left the config keeps what is deployed, and says which table is not read and what differs") {
  enum class Table { unread, deleted };
  for (const Table table : {Table::unread, Table::deleted}) {
    CAPTURE(table == Table::unread);
    Site site;
    const config::Files with_table = config::files(std::nullopt, site.host.state);
    const config::Files without = site.host.files;
    site.host.files = with_table;
    issue(site.host, {site.www(), Keep::alive, {}});
    const std::string fragment = site.host.state + "/conf.d/www.toml";
    if (table == Table::unread)
      site.host.files = without;
    else
      std::filesystem::remove(fragment);
    renew(site.host, {});
    std::string told;
    site.host.progress = [&](const Progress& progress) { told += progress.text + '\n'; };

    IssueRequest wanted;
    wanted.name = kOrphan;
    wanted.options = {{"identifiers", base::list_value({"www2.example.org"}, {"-d"})}};
    for (const Effect effect : {Effect::rehearsed, Effect::carried_out}) {
      told.clear();
      wanted.effect = effect;
      const IssueVerdict verdict = issue(site.host, wanted);
      CAPTURE(told);
      CHECK(contains(told, table == Table::unread ? fragment + ":2, which is not read" : "is no longer in the config"));
      CHECK(contains(told, "identifiers: www.example.org -> www2.example.org"));
      for (const Outcome& one : verdict.outcomes) CHECK(one.step != "retire");
      CHECK(std::filesystem::exists(site.root.path() + "/tls/privkey.pem"));
    }
    CHECK(site.live() == 2);
    CHECK(site.events("deployment.retired") == 0);

    // In its place goes only what is said in its place.
    IssueRequest other{site.www(), Keep::alive, {}};
    std::erase_if(other.options, [](const auto& option) { return option.first == "deploy"; });
    issue(site.host, other);
    CHECK(site.events("deployment.retired") == 1);
  }
}

TEST_CASE("what is asked for of an orphan says what does not follow, and which table stays") {
  Site site;
  const config::Files without = site.host.files;
  site.host.files = config::files(std::nullopt, site.host.state);
  issue(site.host, {site.www(), Keep::alive, {}});
  site.host.files = without;
  const std::string fragment = site.host.state + "/conf.d/www.toml";
  const Verdict revoked = revoke(site.host, revocation_of_www());
  REQUIRE(revoked.remarks.size() == 1);
  CHECK(contains(revoked.remarks.front().text, "so nothing renews it"));
  const Verdict removed = remove(site.host, {kOrphan, OnRemoval::leave, Keys::keep});
  REQUIRE(removed.outcomes.size() == 1);
  CHECK(contains(removed.outcomes.front().text, fmt::format("its table stays in {}, which is not read", fragment)));
  CHECK(std::filesystem::exists(fragment));
}

TEST_CASE("a fragment of the state that another config keeps from being read is told, whoever wrote it") {
  Site site;
  std::filesystem::create_directory(site.host.state + "/conf.d");
  std::ofstream(site.host.state + "/conf.d/x.toml") << "[certificate.x]\n";
  const auto remarks = renew(site.host, {}).remarks;
  REQUIRE(remarks.size() == 1);
  CHECK(remarks.front().rule == "not_read");
  CHECK(
      contains(remarks.front().text, "/state/conf.d/x.toml: is not read: the config is " + to_string(site.host.files)));
  // The state's own conf.d may lie beside the config file, also by a link.
  std::filesystem::remove_all(site.root.path() + "/config/conf.d");
  std::filesystem::create_directory_symlink(site.host.state + "/conf.d", site.root.path() + "/config/conf.d");
  std::filesystem::remove(site.host.state + "/conf.d/x.toml");
  std::ofstream(site.host.state + "/conf.d/y.toml") << "keep = 3\n";
  CHECK(renew(site.host, {}).remarks.empty());
}

TEST_CASE("a certificate whose table has an error is not called one that left the config, after a lost database") {
  enum class Wrong { table, file };
  for (const Wrong wrong : {Wrong::table, Wrong::file}) {
    CAPTURE(wrong == Wrong::file);
    Site site;
    REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
    const std::string file = site.host.files.fragments + "/www.toml";
    std::ofstream(file, std::ios::app) << (wrong == Wrong::table ? "nonsense = 1\n" : "x = [\n");
    site.lose_database();
    rebuild(site.host);
    std::string told;
    for (const Remark& one : renew(site.host, {}).remarks) told += one.text + "\n" + one.hint + "\n";
    for (const Complaint& one : examine(site.host)) told += one.what + "\n" + one.remedy + "\n";
    for (const PlannedSubject& one : reconcile::plan(site.host, {kOrphan}))
      for (const plan::Reason& reason : one.standing) told += reason.text + "\n";
    inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_only, site.now);
    const plan::StandingState state = overview(site.host, store).certificates.front().state;
    CHECK(state.state == plan::State::misconfigured);
    told += state.why + "\n";
    CAPTURE(told);
    CHECK(contains(told, file));
    CHECK_FALSE(contains(told, "no longer in the config"));
    CHECK_FALSE(contains(told, "everseal remove"));
  }
}

TEST_CASE("who left because the directory of the config is missing is told so, and not to be removed") {
  Site site;
  REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
  const std::string fragments = site.root.path() + "/config/conf.d";
  std::filesystem::rename(fragments, fragments + ".away");
  const auto remarks = renew(site.host, {}).remarks;
  REQUIRE(remarks.size() == 1);
  CHECK(contains(remarks.front().text, "that directory is missing"));
  CHECK(contains(remarks.front().hint, fmt::format("bring {} back", fragments)));
  CHECK_FALSE(contains(remarks.front().hint, "everseal remove"));
  std::filesystem::rename(fragments + ".away", fragments);
  CHECK(renew(site.host, {}).remarks.empty());
}
