// What killed runs and older backups leave, and what a person finds of it.
#include "base/lock.h"
#include "base/text.h"
#include "contains.h"
#include "inventory/backup.h"
#include "inventory/certificates.h"
#include "reconcile/doctor.h"
#include "reconcile/overview.h"
#include "reconcile/plan.h"
#include "reconcile/recover.h"
#include "reconcile/site.h"
#include "reconcile/verbs/remove.h"
#include "reconcile/verbs/renew.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

using namespace everseal;
using namespace everseal::reconcile;

namespace {

const Name kLeft = Name::parse("www");

// "RULE: WHAT -> COMMAND", a line each.
std::string complaints_of(const Site& site) {
  std::string lines;
  for (const Complaint& one : examine(site.host))
    lines += fmt::format("{}: {} -> {}\n", one.rule, one.what, one.command.empty() ? one.remedy : one.command);
  return lines;
}

std::string put_left_over(const std::string& path, std::string_view text) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << text;
  std::filesystem::permissions(path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  std::filesystem::last_write_time(path, std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
  return path;
}

}  // namespace

TEST_SUITE("left over") {
  TEST_CASE("doctor sweeps what killed runs left, and nothing that somebody works on") {
    Site site;
    REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
    const std::string& state = site.host.state;
    const std::string random = "0123456789abcdef01234567";
    std::vector<std::string> left{put_left_over(state + "/everseal.db.incoming", "half"),
                                  put_left_over(state + "/everseal.db.incoming-wal", "half"),
                                  put_left_over(fmt::format("{}/.everseal.db.{}", state, random), "half"),
                                  put_left_over(fmt::format("{}/archive/www/.removed.json.{}", state, random), "{"),
                                  put_left_over(fmt::format("{}/authorities/corp/.crl.der.{}", state, random), "0")};
    const std::vector<std::string> of_backups{
        put_left_over(state + "/everseal.db.backing-up", "half"),
        put_left_over(fmt::format("{}/backups/.everseal-20260101.db.{}", state, random), "SQLite format 3")};
    std::filesystem::permissions(state + "/backups", std::filesystem::perms::owner_all);
    left.push_back(fmt::format("{}/live/.www.{}", state, random));
    std::filesystem::create_symlink("../archive/www/1", left.back());
    const timespec past[2] = {};
    REQUIRE(::utimensat(AT_FDCWD, left.back().c_str(), past, AT_SYMLINK_NOFOLLOW) == 0);
    {
      const auto locks = base::Directory::create(state + "/locks", 0700);
      const auto held = base::FileLock::try_acquire(locks, "backup");
      REQUIRE(held);
      CHECK(complaints_of(site).empty());
      for (const std::string& path : of_backups) CHECK(std::filesystem::exists(path));
    }
    CHECK(complaints_of(site).empty());
    left.insert(left.end(), of_backups.begin(), of_backups.end());
    for (const std::string& path : left) {
      CAPTURE(path);
      CHECK_FALSE(std::filesystem::exists(std::filesystem::symlink_status(path)));
    }
    CHECK(site.live() == 1);
  }

  TEST_CASE("an older backup knows the certificates of a name that was removed since, those of after it too") {
    Site site;
    REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
    const std::string old = site.root / "old.db";
    {
      inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_write, site.now);
      inventory::backup(store, old);
    }
    RenewRequest again;
    again.names = {kLeft};
    again.force = Force::yes;
    REQUIRE(renew(site.host, again).exit_code() == 0);
    const auto versions = site.versions();
    REQUIRE(versions.size() == 2);
    REQUIRE(remove(site.host, {kLeft, OnRemoval::leave, Keys::keep}).exit_code() == 0);
    CHECK(restore(site.host, old).verdict.exit_code() == 0);
    inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_only, site.now);
    CHECK_FALSE(inventory::Managed(store).find(kLeft).has_value());
    for (const inventory::VersionRecord& version : versions)
      CHECK(inventory::Certificates(store).find(*version.certificate).has_value());
  }

  TEST_CASE("what a backup does not know to be served is said alike by list, plan and doctor, and renew does it") {
    Site site;
    REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
    const std::string old = site.root / "old.db";
    {
      inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_write, site.now);
      inventory::backup(store, old);
    }
    REQUIRE(renew(site.host, {{kLeft}, Force::yes}).exit_code() == 0);
    CHECK(complaints_of(site).empty());
    for (const char* const end : {"", "-wal", "-shm"}) std::filesystem::remove(site.host.state + "/everseal.db" + end);
    REQUIRE(restore(site.host, old).verdict.exit_code() == 0);
    const auto state = [&] {
      inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_only, site.now);
      return overview(site.host, store).certificates.front().state;
    };
    const std::string known = "as far as is known ", command = "`everseal renew www` goes on with it";
    CHECK(state().state == plan::State::unverified);
    CHECK(contains(state().why, known + "version 1 is there, version 2 is in use; " + command));
    const std::vector<Complaint> complaints = examine(site.host);
    REQUIRE(complaints.size() == 1);
    CHECK(complaints.front().severity == Severity::warning);
    const std::string why = known + "files has version 1, wanted is 2";
    CHECK(contains(complaints.front().what, why));
    CHECK(complaints.front().remedy == command);
    CHECK(complaints.front().command == "everseal renew www");
    const auto planned = reconcile::plan(site.host, {kLeft}).front();
    REQUIRE_FALSE(planned.steps.empty());
    CHECK(planned.steps.front().kind == "stage");
    CHECK(planned.steps.front().why.front().text == why);

    CHECK(renew(site.host, {}).exit_code() == 0);
    CHECK(complaints_of(site).empty());
    CHECK(state().state == plan::State::live);
    CHECK(reconcile::plan(site.host, {kLeft}).front().steps.empty());
  }

  TEST_CASE("doctor says of each certificate what stands in the place of its versions, and the command that helps") {
    Site site;
    REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
    const std::string archive = site.host.state + "/archive/www";
    std::filesystem::rename(archive, site.root / "away");
    std::ofstream(archive) << "a file";
    const std::string found = complaints_of(site);
    CHECK(contains(found, fmt::format("no-directory: {} is no directory", archive)));
    CHECK(contains(found, fmt::format("mv {0} {0}.wrong && everseal renew --force www", archive)));
  }

  TEST_CASE("doctor names the certificate beside the target, and of one that is being removed what goes on with that") {
    Site site;
    REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
    std::filesystem::remove(site.root / "tls/fullchain.pem");
    CHECK(contains(complaints_of(site), "deployment-differs: www at the target files: "));
    {
      inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_write, site.now);
      inventory::IntentRecord removal;
      removal.kind = inventory::IntentKind::remove;
      removal.subject = kLeft;
      removal.created = site.now;
      inventory::Intents(store).add(removal);
    }
    const std::string found = complaints_of(site);
    CHECK(contains(found, "removal-open: www is being removed: "));
    CHECK(contains(found, "`everseal renew www` goes on with it, `everseal remove www --cancel` withdraws it"));
    CHECK_FALSE(contains(found, "everseal deploy www"));
  }

  TEST_CASE("a version that is still being made is no complaint, and none that mend would change") {
    Site site;
    REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
    {
      inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_write, site.now);
      inventory::VersionRecord version;
      version.name = kLeft;
      version.number = 2;
      version.state = inventory::VersionState::pending;
      version.issuer = Name::parse("corp");
      version.created = site.now;
      version.has_key = true;
      inventory::Versions(store).put(version);
    }
    std::filesystem::create_directory(site.host.state + "/archive/www/.2");
    std::filesystem::permissions(site.host.state + "/archive/www/.2", std::filesystem::perms::owner_all);
    CHECK(complaints_of(site).empty());
    CHECK(mend(site.host).outcomes.empty());
    CHECK(complaints_of(site).empty());
  }
}

TEST_CASE("a removal tells what it leaves, and where, also what is at a former place") {
  Site site;
  REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
  {
    inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_write, site.now);
    const base::Table written{{"directory", {site.root.path() + "/scratch", {}}}};
    const config::Deployment former =
        config::make_deployment(Name::parse("files"), "files", written, {}, config_kinds({}), kLeft);
    inventory::Deployments(store).add_former_place({.artifact = inventory::ArtifactKind::version,
                                                    .owner = kLeft,
                                                    .target = former.name,
                                                    .spec = config::target_form(former),
                                                    .left_at = site.now});
  }
  const Verdict removed = remove(site.host, {kLeft, OnRemoval::leave, Keys::keep});
  REQUIRE(removed.outcomes.size() == 1);
  const std::string& text = removed.outcomes.front().text;
  CAPTURE(text);
  CHECK(contains(text, fmt::format("what was deployed to files stays in {}/tls", site.root.path())));
  CHECK(contains(text, fmt::format("{}/scratch", site.root.path())));
}

TEST_CASE("a removal that was wholly done fails at nothing, though the table that it deleted was wrong") {
  Site site;
  REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
  const std::string file = site.host.files.fragments + "/www.toml";
  std::ofstream(file, std::ios::app) << "nonsense = 1\n";
  const Verdict removed = remove(site.host, {kLeft, OnRemoval::leave, Keys::keep});
  CHECK(removed.exit_code() == 0);
  CHECK_FALSE(std::filesystem::exists(file));
}

TEST_CASE("an authority that only what it signed still names is told, with what brings it back") {
  Site site;
  REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
  const std::string corp = site.host.state + "/authorities/corp";
  CHECK_FALSE(contains(complaints_of(site), "authority-lost"));
  std::filesystem::rename(corp, corp + "-away");
  std::filesystem::rename(corp + "-away", site.root.path() + "/corp");
  site.lose_database();
  rebuild(site.host);
  const std::string lost = complaints_of(site);
  CAPTURE(lost);
  CHECK(contains(lost, fmt::format("authority-lost: www is signed by corp, which is no issuer of the config, and {} is "
                                   "missing -> where it was an authority of this host, bring",
                                   corp)));
  std::filesystem::rename(site.root.path() + "/corp", corp);
  static_cast<void>(mend(site.host));
  CHECK_FALSE(contains(complaints_of(site), "authority-lost"));
}

TEST_CASE("a missing authority is told once, by a run and by doctor") {
  Site site;
  REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
  const std::string corp = site.host.state + "/authorities/corp";
  std::filesystem::rename(corp, corp + ".away");
  site.now += std::chrono::days(40);  // a CRL is due
  const Verdict verdict = renew(site.host, {});
  CHECK(std::ranges::count(verdict.outcomes, "authority/corp", &Outcome::subject) == 1);
  int told = 0;
  for (const Complaint& one : examine(site.host)) told += one.subject == "authority/corp" ? 1 : 0;
  CHECK(told == 1);
}

TEST_CASE("what waits for an authority that was away is tried by the run that finds it back") {
  Site site;
  REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
  const std::string corp = site.host.state + "/authorities/corp";
  std::filesystem::rename(corp, corp + ".away");
  for (int i = 0; i < 3; ++i) CHECK(renew(site.host, {.names = {kLeft}, .force = Force::yes}).exit_code() != 0);
  CHECK(site.versions().back().number == 2);
  CHECK_FALSE(site.versions().back().certificate.has_value());
  std::filesystem::rename(corp + ".away", corp);
  CHECK(renew(site.host, {}).renewed == 1);
}

TEST_CASE("doctor tells of a key that came back, which mend records") {
  Site site;
  REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
  const std::string key = site.host.state + "/archive/www/1/privkey.pem";
  std::filesystem::rename(key, site.root.path() + "/key");
  static_cast<void>(mend(site.host));
  std::filesystem::rename(site.root.path() + "/key", key);
  CHECK(contains(complaints_of(site), "key-unknown: the private key of version 1 of www is in the archive"));
  CHECK(mend(site.host).outcomes.size() == 1);
  CHECK(complaints_of(site).empty());
}

TEST_CASE("a restore with keep = 1 calls no key lost that a renewal took") {
  Site site;
  std::ofstream(site.root.path() + "/config/everseal.toml", std::ios::app) << "keep = 1\n";
  REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
  const std::string file = site.root.path() + "/backup.db";
  {
    inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_write, site.now);
    inventory::backup(store, file);
  }
  REQUIRE(renew(site.host, {.names = {kLeft}, .force = Force::yes}).renewed == 1);
  REQUIRE_FALSE(std::filesystem::exists(site.host.state + "/archive/www/1/privkey.pem"));
  const Restored restored = restore(site.host, file, inventory::OtherState::refused);
  std::string told;
  for (const Outcome& one : restored.verdict.outcomes) told += one.text + "\n";
  CAPTURE(told);
  CHECK(contains(told, "version 1 has no private key any more, as old versions have none"));
  CHECK_FALSE(contains(told, "lost"));
}
