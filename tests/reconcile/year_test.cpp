// A year in which much goes wrong, driven by nothing but when the plan says to look again.
#include "base/error.h"
#include "base/handle.h"
#include "base/process.h"
#include "pki/crl.h"
#include "reconcile/plan.h"
#include "reconcile/recover.h"
#include "reconcile/site.h"
#include "reconcile/verbs/backup.h"
#include "reconcile/verbs/remove.h"
#include "reconcile/verbs/renew.h"
#include "reconcile/verbs/revoke.h"
#include "reconcile/verbs/rollback.h"

#include <array>
#include <functional>
#include <map>
#include <optional>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

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

Time end_of_crl(const Site& site, std::string_view authority) {
  const std::string file = fmt::format("{}/authorities/{}/crl.der", site.host.state, authority);
  return *pki::Crl::parse(base::read_file(file, 1 << 20)).next_update;
}

// Of what a server would read.
Time end_of(const Site& site, const std::string& name) {
  const std::string file = fmt::format("{}/tls-{}/fullchain.pem", site.root.path(), name);
  return pki::Certificate::parse_all(base::read_file(file, 1 << 20)).front().not_after();
}

// A step of that kind that failed stands in the plan, and says what the trouble is: `words` are of it.
void require_in_plan(const Site& site, std::string_view subject, std::string_view kind, std::string_view words) {
  std::string said;
  for (const PlannedSubject& one : reconcile::plan(site.host, {}))
    for (const PlannedStep& step : one.steps)
      if (one.subject == subject && step.kind == kind && step.gate != plan::Gate::open) said += step.why.back().text;
  CHECK_MESSAGE(said.find(words) != std::string::npos, subject, ", ", kind, ": ", said);
}

// Nobody can change what is in it, root neither. False where the file system has no such thing.
bool set_immutable(const std::string& directory, bool immutable) {
  const base::FileDescriptor fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  int flags = 0;
  if (!fd || ::ioctl(fd.get(), FS_IOC_GETFLAGS, &flags) != 0) return false;
  flags = immutable ? flags | FS_IMMUTABLE_FL : flags & ~FS_IMMUTABLE_FL;
  return ::ioctl(fd.get(), FS_IOC_SETFLAGS, &flags) == 0;
}

// An old place that cannot be emptied: its directory is immutable, or, where that cannot be, does not belong to us
// alone.
class Stuck {
 public:
  explicit Stuck(std::string directory)
      : directory_(std::move(directory)), immutable_(set_immutable(directory_, true)) {
    if (!immutable_) std::filesystem::rename(directory_, directory_ + ".away"), std::ofstream(directory_) << "x";
  }
  ~Stuck() {
    if (immutable_) {
      set_immutable(directory_, false);
    } else {
      std::filesystem::remove(directory_);
      std::filesystem::rename(directory_ + ".away", directory_);
    }
  }
  Stuck(const Stuck&) = delete;
  Stuck& operator=(const Stuck&) = delete;

 private:
  std::string directory_;
  bool immutable_;
};

// Events that tell a failure, but for their numbers; how often each was told.
std::map<std::string, int> failures_told(const Site& site) {
  inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_only, site.now);
  std::map<std::string, int> told;
  constexpr std::array kActions{"step.failed", "certificate.failed", "crl.failed", "deployment.failed",
                                "deployment.unverified"};
  inventory::Events(store).each({}, [&](const inventory::EventRecord& event) {
    if (std::ranges::find(kActions, event.action) == kActions.end()) return;
    std::string text = event.subject + " " + event.action + " " + event.detail;
    std::erase_if(text, [](char c) { return c >= '0' && c <= '9'; });
    ++told[text];
  });
  return told;
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
    REQUIRE(issue(site.host, {certificate(site, "moved"), Keep::alive, {}}).exit_code() == 0);
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
    year.at(days(90), [&] { require_in_plan(site, "certificate/blocked", "live", live); });
    year.at(days(100), [&] { std::filesystem::remove(live); });
    // A hook that is gone for a month.
    year.at(days(50), [&] { std::filesystem::remove(hook); });
    year.at(days(75), [&] { require_in_plan(site, "certificate/hooked", "stage", hook); });
    year.at(days(80), write_hook);
    // A revocation that nobody can carry out.
    year.at(days(20), [&] {
      inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_write, site.now);
      auto version = *inventory::Versions(store).live(Name::parse("revoked"));
      version.issuer = Name::parse("gone");
      inventory::Versions(store).put(version);
      // Nor does an authority here know that it signed it.
      const auto serial = inventory::Certificates(store).find(*version.certificate)->serial;
      store.database().execute("delete from issued where serial = '" + serial + "'");
      inventory::IntentRecord intent;
      intent.kind = inventory::IntentKind::revoke;
      intent.subject = version.name;
      intent.version = version.number;
      intent.created = site.now;
      inventory::Intents(store).add(intent);
    });
    for (const int day : {21, 60, 80})
      year.at(days(day), [&] { require_in_plan(site, "certificate/revoked", "revoke", "no issuer gone"); });
    // A target moves, and its old place cannot be emptied.
    const std::string place = site.root.path() + "/tls-moved";
    std::optional<Stuck> stuck;
    year.at(days(30), [&] {
      const std::string fragment = site.root.path() + "/config/conf.d/moved.toml";
      const base::Bytes bytes = base::read_file(fragment, 1 << 20);
      std::string text(base::as_text(bytes));
      text.replace(text.find(place), place.size(), place + "-new");
      std::filesystem::create_directory(place + "-new");
      std::ofstream(fragment) << text;
      stuck.emplace(place);
    });
    for (const int day : {31, 80})
      year.at(days(day), [&] { require_in_plan(site, "certificate/moved", "retire", place); });
    year.at(days(85), [&] { stuck.reset(); });
    year.at(days(88),
            [&] { CHECK_FALSE(std::filesystem::exists(std::filesystem::symlink_status(place + "/privkey.pem"))); });
    // The clock is wrong for an hour: behind, then right.
    year.at(days(110), [&] { year.skew = -days(300); });
    year.at(days(110) + hours(1), [&] { year.skew = {}; });
    // The config is broken for a week.
    year.at(days(130), [&] { std::ofstream(config) << "config_version = 1\nthis is no TOML\n"; });
    year.at(days(137), [&] { std::ofstream(config) << "config_version = 1\n"; });
    // A backup of before a renewal comes back; later the database is made anew.
    const std::string copy = site.root.path() + "/copy.db";
    year.at(days(140), [&] { backup(site.host, copy); });
    year.at(days(185), [&] { CHECK(restore(site.host, copy).verdict.exit_code() == 0); });
    year.at(days(200), [&] { CHECK(rebuild(site.host).exit_code() == 0); });
    // An issuer does not answer for a month.
    const std::string other = site.host.state + "/authorities/other";
    year.at(days(215), [&] { std::filesystem::rename(other, site.root.path() + "/away"); });
    year.at(days(243), [&] {
      require_in_plan(site, "authority/other", "crl", "other");
      require_in_plan(site, "certificate/away", "issue", "other");
    });
    year.at(days(244), [&] { std::filesystem::rename(site.root.path() + "/away", other); });

    year.pass(days(365), [&](const Verdict& verdict) {
      if (verdict.look_again) CHECK(*verdict.look_again < year.begin + days(500));
      CHECK(end_of_crl(site, "corp") > site.now);
      // It comes back within a day: a step that failed for a month is not tried at each run.
      const bool is_away = site.now > year.begin + days(215) && site.now < year.begin + days(245);
      if (!is_away) CHECK(end_of_crl(site, "other") > site.now);
      for (std::string name : {"plain", "blocked", "fixed", "hooked", "revoked", "away", "moved"}) {
        if (name == "moved" && std::filesystem::exists(place + "-new/fullchain.pem")) name += "-new";
        CAPTURE(name);
        CAPTURE(base::format_time(site.now));
        CHECK(end_of(site, name) > site.now);
      }
    });
    CHECK(year.runs < 3000);
    MESSAGE("runs in a year: " << year.runs);
    const auto told = failures_told(site);
    for (const auto& [what, times] : told) CHECK_MESSAGE(times == 1, what, " was told ", times, " times");
    CHECK(told.size() >= 6);
    inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_only, site.now);
    CHECK(inventory::Events(store).verify().intact());
  }
}

}  // namespace
