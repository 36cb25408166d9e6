// What has ended is taken away, and nothing that is needed.
#include "fakes/unsynced_file_system.h"
#include "reconcile/doctor.h"
#include "reconcile/site.h"
#include "reconcile/plan.h"
#include "reconcile/verbs/renew.h"
#include "sql/query.h"

#include <doctest/doctest.h>

namespace {

using namespace everseal;
using namespace everseal::reconcile;
using std::chrono::days;

const Name kBounded = Name::parse("www");

std::int64_t rows(const Site& site, const std::string& table) {
  inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_only, site.now);
  sql::Query query(store.database(), "select count(*) from " + table);
  query->step();
  return query->integer(0);
}

std::vector<int> directories(const Site& site) { return archive::Archive(site.host.state).numbers(kBounded); }

std::vector<int> numbers(const Site& site) {
  std::vector<int> found;
  for (const auto& version : site.versions()) found.push_back(version.number);
  return found;
}

// An authority that lives as long as these tests look.
void add_long_authority(const Site& site) {
  inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_write, site.now);
  authority::Ceremony ceremony;
  ceremony.name = Name::parse("long");
  ceremony.intermediate_lifetime = std::chrono::years(15);
  const base::Secret passphrase{std::string_view("correct horse battery")};
  authority::Passphrases passphrases;
  passphrases.root = &passphrase;
  authority::create_authority(store, ceremony, passphrases, site.now);
}

config::Certificate short_lived(const Site& site) {
  config::Certificate certificate = site.www();
  certificate.issuers = {Name::parse("long")};
  certificate.lifetime = days(6);
  return certificate;
}

// The first eight versions as if they had ended long ago.
void age(const Site& site) {
  inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_write, site.now);
  inventory::Versions versions(store);
  for (inventory::VersionRecord version : versions.of(kBounded)) {
    if (version.number > 8) continue;
    version.not_before = site.now - days(600);
    version.not_after = site.now - days(500);
    versions.put(version);
  }
  inventory::Subjects(store).wake(inventory::certificate_subject(kBounded), site.now);
}

TEST_SUITE("retention") {
  TEST_CASE("over years of certificates that live six days, rows and directories stay bounded") {
    Site site;
    add_long_authority(site);
    REQUIRE(issue(site.host, {short_lived(site), Keep::alive, {}}).exit_code() == 0);
    const Time end = site.now + days(800);  // twice what is remembered
    constexpr std::int64_t kMost = 400 / 3 + 20;
    int renewed = 0;
    while (site.now < end) {
      site.now += days(3);
      const Verdict verdict = renew(site.host, {});
      REQUIRE(verdict.exit_code() == 0);
      renewed += verdict.renewed;
      if (renewed % 100 != 0) continue;
      for (const char* table : {"version", "certificate", "certificate_name", "issued"}) {
        CAPTURE(table);
        CHECK(rows(site, table) <= kMost);
      }
      CHECK(numbers(site) == directories(site));
    }
    CHECK(renewed > 250);
    CHECK(rows(site, "version") > 100);
    CHECK(numbers(site) == directories(site));
    CHECK(site.live() == numbers(site).back());
    CHECK(examine(site.host).empty());
    inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_only, site.now);
    CHECK(inventory::Events(store).verify().intact());
  }

  TEST_CASE("what a plan takes away it says before, and a run does it with the keys") {
    Site site;
    REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
    for (int count = 0; count < 12; ++count) REQUIRE(renew(site.host, {{kBounded}, Force::yes}).exit_code() == 0);
    age(site);
    const auto planned = reconcile::plan(site.host, {kBounded}).front();
    REQUIRE(planned.steps.size() == 1);
    CHECK(planned.steps.front().kind == "discard");
    CHECK(planned.steps.front().text.find("8 old versions") != std::string::npos);
    CHECK(renew(site.host, {}).exit_code() == 0);
    CHECK(numbers(site) == std::vector{9, 10, 11, 12, 13});
    CHECK(directories(site) == numbers(site));
    CHECK(site.events("version.discarded") == 1);
    CHECK(reconcile::plan(site.host, {kBounded}).front().steps.empty());
  }

  TEST_CASE("power cut or kill while versions are taken away: the state is sound, and the next run ends it") {
#ifdef __SANITIZE_THREAD__
    constexpr int kStride = 29;
#else
    constexpr int kStride = 7;
#endif
    Site site;
    REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
    for (int count = 0; count < 12; ++count) REQUIRE(renew(site.host, {{kBounded}, Force::yes}).exit_code() == 0);
    age(site);
    const std::string before = site.root / "before";
    std::filesystem::copy(site.host.state, before,
                          std::filesystem::copy_options::recursive | std::filesystem::copy_options::copy_symlinks);
    int cuts = 0;
    for (const auto kind : {fakes::Mishap::Kind::power_cut, fakes::Mishap::Kind::kill}) {
      for (int at = 1;; at += kStride) {
        CAPTURE(at);
        for (const std::string& path : {site.host.state, site.root / "scratch"}) std::filesystem::remove_all(path);
        std::filesystem::create_directory(site.root / "scratch");
        std::filesystem::copy(before, site.host.state,
                              std::filesystem::copy_options::recursive | std::filesystem::copy_options::copy_symlinks);
        const fakes::ChildEnd end =
            fakes::run_in_child(site.root / "scratch", {kind, at, 0}, [&] { renew(site.host, {}); });
        if (end.how == fakes::ChildEnd::How::done) break;
        REQUIRE(end.how == fakes::ChildEnd::How::cut);
        ++cuts;
        const auto complaints = examine(site.host);
        CHECK_MESSAGE(complaints.empty(), (complaints.empty() ? "" : complaints.front().what));
        CHECK(renew(site.host, {}).exit_code() == 0);
        CHECK(numbers(site) == std::vector{9, 10, 11, 12, 13});
        CHECK(directories(site) == numbers(site));
        CHECK_FALSE(std::filesystem::exists(site.host.state + "/archive/www/.1.removed"));
      }
    }
    CHECK(cuts > 5);
  }
}

}  // namespace
