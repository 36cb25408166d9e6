// A year in which much goes wrong, driven by nothing but when the plan says to look again.
#include "base/error.h"
#include "base/process.h"
#include "pki/crl.h"
#include "reconcile/site.h"
#include "reconcile/plan.h"
#include "reconcile/recover.h"
#include "reconcile/verbs/renew.h"
#include "reconcile/verbs/remove.h"
#include "reconcile/verbs/revoke.h"

#include <doctest/doctest.h>

#include <functional>
#include <map>
#include <optional>

namespace {

using namespace everseal;
using namespace everseal::reconcile;
using std::chrono::days;
using std::chrono::hours;

// What happens at a time, whatever the run is about to do.
using Mishap = std::function<void()>;

struct Year {
  Site site;
  Time begin = site.now;
  std::multimap<Time, Mishap> mishaps;
  int runs = 0;
  std::chrono::seconds skew{0};

  void at(std::chrono::seconds when, Mishap mishap) { mishaps.emplace(begin + when, std::move(mishap)); }

  // Runs at each moment at which a run says that something is due, and when something happens. `skew` is how wrong the
  // clock is.
  void pass(std::chrono::seconds length, const std::function<void(const Verdict&)>& look) {
    const Time end = begin + length;
    for (Time now = begin; now < end;) {
      site.now = now + skew;
      Time next = end;
      try {
        const Verdict verdict = renew(site.host, {});
        look(verdict);
        if (verdict.look_again) next = *verdict.look_again - skew;
      } catch (const base::Error&) {
        next = now + hours(1);  // a timer comes again
      }
      REQUIRE(++runs < 20'000);
      now = std::max(next, now + std::chrono::seconds(1));
      while (!mishaps.empty() && mishaps.begin()->first <= now) {
        now = mishaps.begin()->first;
        site.now = now + skew;
        const Mishap mishap = mishaps.begin()->second;
        mishaps.erase(mishaps.begin());
        mishap();
      }
    }
  }
};

Time end_of_crl(const Site& site) {
  return *pki::Crl::parse(base::read_file(site.host.state + "/authorities/corp/crl.der", 1 << 20)).next_update;
}

// Of what a server would read.
Time end_of(const Site& site, const std::string& name) {
  const std::string file = fmt::format("{}/tls-{}/fullchain.pem", site.root.path(), name);
  return pki::Certificate::parse_all(base::read_file(file, 1 << 20)).front().not_after();
}

bool plan_says(const Site& site, std::string_view subject, std::string_view kind) {
  for (const PlannedSubject& one : reconcile::plan(site.host, {}))
    if (one.subject == subject)
      return std::ranges::find(one.steps, kind, &PlannedStep::kind) != one.steps.end();
  return false;
}

config::Certificate certificate(const Site& site, const char* name, const std::string& reload = {}) {
  config::Certificate made = site.www(reload);
  made.name = Name::parse(name);
  made.identifiers = {pki::Identifier::parse(std::string(name) + ".example.org")};
  for (config::Deployment& target : made.deployments) {
    const std::string directory = fmt::format("{}/tls-{}", site.root.path(), name);
    std::filesystem::create_directory(directory);
    base::Table written{{"directory", {directory, {}}}};
    if (!reload.empty()) written.emplace_back("reload", base::Value{base::List{{reload, {}}}, {}});
    target = config::make_deployment(target.name, "files", written, {}, config_kinds({}), made.name);
  }
  return made;
}

TEST_SUITE("a year") {
  TEST_CASE("nothing that could be renewed expires, no CRL lapses, and every standing trouble is in the plan") {
    Year year;
    Site& site = year.site;
    const std::string hook = site.root.path() + "/hook";
    const auto write_hook = [&] {
      std::ofstream(hook) << "#!/bin/sh\nexit 0\n";
      std::filesystem::permissions(hook, std::filesystem::perms::owner_all);
    };
    write_hook();
    for (const char* name : {"plain", "blocked", "revoked", "fixed"})
      REQUIRE(issue(site.host, {certificate(site, name), Keep::alive, {}}).exit_code() == 0);
    REQUIRE(issue(site.host, {certificate(site, "hooked", hook), Keep::alive, {}}).exit_code() == 0);
    {
      inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_write, site.now);
      authority::Ceremony ceremony;
      ceremony.name = Name::parse("other");
      const base::Secret passphrase{std::string_view("correct horse battery")};
      authority::Passphrases passphrases;
      passphrases.root = &passphrase;
      authority::create_authority(store, ceremony, passphrases, site.now);
    }
    config::Certificate away = certificate(site, "away");
    away.issuers = {Name::parse("other")};
    REQUIRE(issue(site.host, {away, Keep::alive, {}}).exit_code() == 0);
    const std::string live = site.host.state + "/live/blocked";
    const std::string config = site.root.path() + "/config/everseal.toml";

    // A directory in the way of the live link, for two months over a renewal.
    year.at(days(40), [&] {
      std::filesystem::remove(live);
      std::filesystem::create_directory(live);
    });
    year.at(days(90), [&] { CHECK(plan_says(site, "certificate/blocked", "live")); });
    year.at(days(100), [&] { std::filesystem::remove(live); });
    // A hook that is gone for a month.
    year.at(days(50), [&] { std::filesystem::remove(hook); });
    year.at(days(75), [&] {
      CHECK(std::ranges::any_of(reconcile::plan(site.host, {}), [](const PlannedSubject& one) {
        return one.subject == "certificate/hooked" && !one.steps.empty();
      }));
    });
    year.at(days(80), write_hook);
    // A revocation that nobody can carry out.
    year.at(days(20), [&] {
      inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_write, site.now);
      auto version = *inventory::Versions(store).live(Name::parse("revoked"));
      version.issuer = Name::parse("gone");
      inventory::Versions(store).put(version);
      inventory::IntentRecord intent;
      intent.kind = inventory::IntentKind::revoke;
      intent.subject = version.name;
      intent.version = version.number;
      intent.created = site.now;
      inventory::Intents(store).add(intent);
    });
    year.at(days(60), [&] { CHECK(plan_says(site, "certificate/revoked", "revoke")); });
    // The clock is wrong for an hour: behind, then right.
    year.at(days(110), [&] { year.skew = -days(300); });
    year.at(days(110) + hours(1), [&] { year.skew = {}; });
    // The config is broken for a week.
    year.at(days(130), [&] { std::ofstream(config) << "config_version = 1\nthis is no TOML\n"; });
    year.at(days(137), [&] { std::ofstream(config) << "config_version = 1\n"; });
    // The database is made anew from what lies beside it.
    year.at(days(200), [&] { CHECK(rebuild(site.host).exit_code() == 0); });
    // An issuer does not answer for a month.
    const std::string other = site.host.state + "/authorities/other";
    year.at(days(215), [&] { std::filesystem::rename(other, site.root.path() + "/away"); });
    year.at(days(230), [&] {
      for (const PlannedSubject& one : reconcile::plan(site.host, {}))
        if (one.subject == "authority/other") CHECK_FALSE(one.steps.empty());
    });
    year.at(days(244), [&] { std::filesystem::rename(site.root.path() + "/away", other); });

    year.pass(days(365), [&](const Verdict& verdict) {
      if (verdict.look_again) CHECK(*verdict.look_again < year.begin + days(500));
      CHECK(end_of_crl(site) > site.now);
      for (const std::string name : {"plain", "blocked", "fixed", "hooked", "revoked", "away"}) {
        CAPTURE(name);
        CAPTURE(base::format_time(site.now));
        CHECK(end_of(site, name) > site.now);
      }
    });
    CHECK(year.runs < 3000);
    MESSAGE("runs in a year: " << year.runs);
    // Each trouble stands in the history once a kind.
    CHECK(site.events("step.failed") <= 6);
    inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_only, site.now);
    CHECK(inventory::Events(store).verify().intact());
  }
}

}  // namespace
