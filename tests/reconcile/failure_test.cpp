// What happens when a step fails, a thing ends, or something is asked for that cannot be done.
#include "reconcile/failure.h"

#include "base/error.h"
#include "base/text.h"
#include "config/fragment.h"
#include "contains.h"
#include "error_of.h"
#include "fakes/unsynced_file_system.h"
#include "inventory/authorities.h"
#include "inventory/backup.h"
#include "inventory/certificates.h"
#include "inventory/subjects.h"
#include "pki/crl.h"
#include "reconcile/doctor.h"
#include "reconcile/overview.h"
#include "reconcile/plan.h"
#include "reconcile/recover.h"
#include "reconcile/site.h"
#include "reconcile/verbs/cancel.h"
#include "reconcile/verbs/deploy.h"
#include "reconcile/verbs/remove.h"
#include "reconcile/verbs/renew.h"
#include "reconcile/verbs/revoke.h"
#include "reconcile/verbs/rollback.h"

#include <atomic>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <thread>

#include <doctest/doctest.h>

namespace {

using namespace everseal;
using namespace everseal::reconcile;
using inventory::DeploymentState;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;

const Name kWww = Name::parse("www");

// The step of that kind which `plan` shows; REQUIREs it.
PlannedStep planned(const Site& site, std::string_view kind) {
  for (const PlannedSubject& subject : reconcile::plan(site.host, {kWww}))
    for (const PlannedStep& step : subject.steps)
      if (step.kind == kind) return step;
  FAIL(fmt::format("plan shows no {}", kind));
  return {};
}

bool plans_nothing(const Site& site) { return reconcile::plan(site.host, {kWww}).front().steps.empty(); }

std::vector<inventory::AttemptRecord> attempts(const Site& site) {
  inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_only, site.now);
  return inventory::Attempts(store).of("certificate/www");
}

// An authority that is away: what it signed cannot be revoked, and nothing new comes.
struct Away {
  std::string here, there;
  explicit Away(const Site& site) : here(site.host.state + "/authorities/corp"), there(site.root.path() + "/away") {
    std::filesystem::rename(here, there);
  }
  ~Away() { std::filesystem::rename(there, here); }
};

// Counts the moments of a run: each look at the clock and each change of a file. At the `at`-th something happens.
class Moments : public base::FileSystem {
 public:
  Moments(int at, std::function<void()> happens) : at_(at), happens_(std::move(happens)) {}

  void pass() {
    if (++count_ == at_) happens_();
  }
  bool has_come() const { return count_ >= at_; }
  template <class Work>
  auto watch(Work work) {
    base::replace_file_system(this);
    const std::unique_ptr<Moments, void (*)(Moments*)> end(this, [](Moments*) { base::replace_file_system(nullptr); });
    return work();
  }

  base::FileDescriptor open(int directory, const std::string& name, int flags, mode_t mode) override {
    pass();
    return FileSystem::open(directory, name, flags, mode);
  }
  void sync(int file) override {
    pass();
    FileSystem::sync(file);
  }
  void rename(int from_directory, const std::string& from, int to_directory, const std::string& to) override {
    pass();
    FileSystem::rename(from_directory, from, to_directory, to);
  }
  void symlink(const std::string& target, int directory, const std::string& name) override {
    pass();
    FileSystem::symlink(target, directory, name);
  }
  void remove(int directory, const std::string& name, int flags) override {
    pass();
    FileSystem::remove(directory, name, flags);
  }

 private:
  int at_;
  std::function<void()> happens_;
  std::atomic<int> count_ = 0;
};

std::optional<Time> next_due(const Site& site) {
  inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_only, site.now);
  return inventory::Subjects(store).next_due();
}

TEST_SUITE("failure") {
  TEST_CASE("two failures are one but for their numbers") {
    CHECK(is_same_failure("port 80 is taken", "port 8080 is taken"));
    CHECK(is_same_failure("until 2026-11-29T10:00:00Z", "until 2027-01-01T00:00:59Z"));
    CHECK(is_same_failure("", "12"));
    CHECK_FALSE(is_same_failure("port 80 is taken", "port 80 is closed"));
    CHECK_FALSE(is_same_failure("refused", "refused: denied"));
    CHECK_FALSE(is_same_failure("", "x"));
  }

  TEST_CASE("a revocation that fails is counted and told once, and stops no renewal") {
    Site site;
    REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
    const Time due = *site.versions().front().renew_at;
    {
      const Away away(site);
      CHECK(revoke(site.host, revocation_of_www(pki::RevocationReason::key_compromise)).exit_code() == 1);
      CHECK(planned(site, "revoke").gate == plan::Gate::backing_off);
      for (int i = 0; i < 5; ++i) {
        site.now += days(1);
        CHECK(renew(site.host, {}).exit_code() == 1);
      }
      CHECK(site.events("step.failed") == 1);
      const auto stands = attempts(site);
      const auto found = std::ranges::find(stands, "revoke", &inventory::AttemptRecord::step);
      REQUIRE(found != stands.end());
      CHECK(found->count > 3);
      CHECK(*found->not_before <= site.now + days(1));
    }
    site.now = std::max(due, site.now + days(2));
    CHECK(renew(site.host, {}).exit_code() == 0);
    CHECK(site.live() == 2);
    CHECK(site.versions().front().revoked_at);
    CHECK(attempts(site).empty());
    CHECK(plans_nothing(site));
  }

  TEST_CASE("an attempt by hand skips the wait, is counted on, and is told once") {
    Site site;
    config::Certificate wanted = site.www();
    wanted.deployments.clear();
    REQUIRE(issue(site.host, {wanted, Keep::alive, {}}).exit_code() == 0);
    const Time due = *site.versions().front().renew_at;
    site.now = due;
    {
      const Away away(site);
      renew(site.host, {});
      for (int count = 2; count < 5; ++count) {
        CHECK(renew(site.host, {.names = {kWww}}).exit_code() == 1);
        REQUIRE(attempts(site).size() == 1);
        CHECK(attempts(site).front().count == count);
        CHECK(*attempts(site).front().not_before > site.now);
      }
      CHECK(*attempts(site).front().not_before > site.now + hours(1));
      CHECK(site.events("certificate.failed") == 1);
      // A change of what it stands on begins anew.
      wanted.key = pki::KeyType::ecdsa_p384;
      CHECK(issue(site.host, {wanted, Keep::alive, {}}).exit_code() == 1);
      CHECK(attempts(site).front().count == 1);
    }
    CHECK(renew(site.host, {.names = {kWww}}).exit_code() == 0);
    CHECK(attempts(site).empty());
  }

  TEST_CASE("each run says whose failure waits, why and until when, and not twice what it tried itself") {
    Site site;
    REQUIRE(issue(site.host, {site.www("/bin/false"), Keep::alive, {}}).exit_code() == 1);
    const auto waiting = [&](const Verdict& verdict) {
      std::vector<Remark> remarks = verdict.remarks;
      std::erase_if(remarks, [](const Remark& remark) { return remark.rule != "backing_off"; });
      return remarks;
    };
    const auto of_deployment = waiting(renew(site.host, {}));
    REQUIRE(of_deployment.size() == 1);
    CHECK(of_deployment.front().subject == "certificate/www");
    CHECK_MESSAGE(of_deployment.front().text.starts_with("deploy at files waits until "), of_deployment.front().text);
    CHECK(of_deployment.front().hint.find("`everseal renew www` tries it again") != std::string::npos);
    site.now += days(1);
    const Verdict tried = renew(site.host, {});
    REQUIRE_FALSE(tried.outcomes.empty());
    CHECK(waiting(tried).empty());

    std::filesystem::remove(site.root.path() + "/config/conf.d/www.toml");
    renew(site.host, {});
    config::Certificate other = site.www();
    other.name = Name::parse("other");
    other.deployments.clear();
    {
      const Away away(site);
      issue(site.host, {other, Keep::alive, {}});
      const auto of_issue = waiting(renew(site.host, {}));
      REQUIRE(of_issue.size() == 1);
      CHECK(of_issue.front().text.starts_with("issue at corp waits until "));
      CHECK(of_issue.front().text.find("after 1 failure: ") != std::string::npos);
    }
  }

  TEST_CASE("what is warned of is counted beyond ten") {
    Site site;
    const Time now = site.now;
    {
      inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_write, now);
      for (int i = 10; i < 22; ++i) {
        inventory::ManagedRecord record;
        record.name = Name::parse(fmt::format("gone{}", i));
        record.origin = "/conf.d/gone.toml:1";
        record.spec = config::normal_form(site.www());
        inventory::Managed(store).put(record);
      }
      for (int i = 10; i < 23; ++i)
        inventory::Attempts(store).put({.step = "crl",
                                        .subject = fmt::format("authority/gone{}", i),
                                        .target = "",
                                        .count = 1,
                                        .problem = "no",
                                        .not_before = now + days(1),
                                        .last = now});
    }
    std::vector<std::string> more;
    for (const Remark& remark : renew(site.host, {}).remarks)
      if (remark.rule == "more") more.push_back(remark.text);
    CHECK(base::join(more, "; ") == "2 more are no longer in the config; 3 more failures stand");
  }

  TEST_CASE("what only a person can mend waits for him, is in every plan and exit code, and can be withdrawn") {
    Site site;
    const std::string program = site.root.path() + "/issuer";
    std::ofstream(program) << "#!/bin/sh\nexit 1\n";
    std::filesystem::permissions(program, std::filesystem::perms::owner_all);
    std::ofstream(site.root.path() + "/config/everseal.toml")
        << "config_version = 1\n[issuer.ext]\ntype = \"exec\"\ncommand = [\"" << program << "\"]\n";
    REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
    {
      // Its issuer is one that has no way to revoke.
      inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_write, site.now);
      auto version = *inventory::Versions(store).find(kWww, 1);
      version.issuer = Name::parse("ext");
      inventory::Versions(store).put(version);
    }
    const Verdict refused = revoke(site.host, revocation_of_www(pki::RevocationReason::superseded));
    CHECK(refused.exit_code() != 0);
    CHECK(site.live() == 2);  // the replacement came first
    const PlannedStep waiting = planned(site, "revoke");
    CHECK(waiting.gate == plan::Gate::needs_operator);
    CHECK(waiting.why.front().text.find("asked for it") != std::string::npos);
    CHECK(waiting.why.back().text.find("revoke_command") != std::string::npos);
    for (int i = 0; i < 3; ++i) {
      site.now += days(20);
      CHECK(renew(site.host, {}).exit_code() != 0);
    }
    CHECK(site.events("step.failed") == 1);
    const int before = site.live();
    CHECK(renew(site.host, {{kWww}, Force::yes}).renewed == 1);  // whatever else is open
    CHECK(site.live() == before + 1);
    CHECK(cancel(site.host, {kWww, inventory::IntentKind::revoke}).exit_code() == 0);
    CHECK(renew(site.host, {}).exit_code() == 0);
    CHECK(attempts(site).empty());
    CHECK(site.events("intent.cancelled") == 1);
    CHECK_THROWS_AS(cancel(site.host, {kWww, std::nullopt}), base::Error);
  }

  TEST_CASE("a directory in the way of the live link stops neither deployment nor renewal") {
    Site site;
    REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
    const std::string live = site.host.state + "/live/www";
    std::filesystem::remove(live);
    std::filesystem::create_directory(live);
    site.now = *site.versions().front().renew_at;
    CHECK(renew(site.host, {}).exit_code() == 4);
    CHECK(std::filesystem::read_symlink(site.root / "tls/.everseal/www/current") == "2");
    CHECK(planned(site, "live").gate == plan::Gate::backing_off);
    CHECK(renew(site.host, {}).exit_code() == 1);
    site.now += days(1);
    renew(site.host, {});
    CHECK(site.events("step.failed") == 1);
    std::filesystem::remove(live);
    site.now += days(1);
    CHECK(renew(site.host, {}).exit_code() == 0);
    CHECK(site.live() == 2);
  }

  TEST_CASE("a pinned version that is revoked goes out of use at once") {
    Site site;
    issue(site.host, {site.www(), Keep::alive, {}});
    renew(site.host, {{kWww}, Force::yes});
    rollback(site.host, {kWww, std::nullopt});
    REQUIRE(site.live() == 1);
    CHECK(revoke(site.host, revocation_of_www(pki::RevocationReason::key_compromise)).exit_code() == 0);
    CHECK(site.live() > 1);
    CHECK(site.versions().front().revoked_at);
    CHECK_FALSE(site.versions()[static_cast<std::size_t>(site.live()) - 1].revoked_at);
  }

  TEST_CASE("a removal that revokes and deletes issues nothing and leaves nothing") {
    Site site;
    issue(site.host, {site.www(), Keep::alive, {}});
    renew(site.host, {{kWww}, Force::yes});
    const Verdict verdict = remove(site.host, {kWww, OnRemoval::revoke, Keys::destroy});
    CHECK(verdict.exit_code() == 0);
    CHECK(site.events("certificate.signed") == 2);
    const base::Bytes der = base::read_file(site.host.state + "/authorities/corp/crl.der", 1 << 20);
    CHECK(pki::Crl::parse(der).entries.size() == 2);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(site.root.path()))
      CHECK(entry.path().filename().string() != "privkey.pem");
    CHECK_FALSE(std::filesystem::exists(site.root / "tls/fullchain.pem"));
    CHECK_THROWS_AS(reconcile::plan(site.host, {kWww}), base::Error);
  }

  TEST_CASE("a removal that cannot revoke yet goes on with the next runs, and forgets nothing before") {
    Site site;
    issue(site.host, {site.www(), Keep::alive, {}});
    {
      const Away away(site);
      CHECK(remove(site.host, {kWww, OnRemoval::revoke, Keys::keep}).exit_code() == 1);
      CHECK(planned(site, "revoke").gate == plan::Gate::backing_off);
      const Verdict again = remove(site.host, {kWww, OnRemoval::leave, Keys::destroy});
      CHECK(again.outcomes.back().text.find("which stands: `everseal remove www --cancel`") != std::string::npos);
      site.now += days(80);  // past its renewal
      CHECK(renew(site.host, {}).renewed == 0);
    }
    site.now += days(1);
    CHECK(renew(site.host, {}).exit_code() == 0);
    CHECK_THROWS_AS(reconcile::plan(site.host, {kWww}), base::Error);
    const base::Bytes der = base::read_file(site.host.state + "/authorities/corp/crl.der", 1 << 20);
    CHECK(pki::Crl::parse(der).entries.size() == 1);
  }

  TEST_CASE("a removal keeps what an earlier one asked for, and waits for what was to be revoked") {
    for (const bool asks_removal : {true, false}) {
      CAPTURE(asks_removal);
      Site site;
      issue(site.host, {site.www(), Keep::alive, {}});
      {
        const Away away(site);
        if (asks_removal)
          remove(site.host, {kWww, OnRemoval::revoke, Keys::destroy, pki::RevocationReason::key_compromise});
        else
          revoke(site.host, {.name = kWww, .certificate = {}, .reason = pki::RevocationReason::key_compromise});
        CHECK(remove(site.host, {kWww, OnRemoval::leave, Keys::keep}).exit_code() == 1);
      }
      site.now += days(1);
      CHECK(renew(site.host, {}).exit_code() == 0);
      CHECK_THROWS_AS(reconcile::plan(site.host, {kWww}), base::Error);
      const auto crl = pki::Crl::parse(base::read_file(site.host.state + "/authorities/corp/crl.der", 1 << 20));
      REQUIRE(crl.entries.size() == 1);
      CHECK(crl.entries.front().reason == pki::RevocationReason::key_compromise);
      CHECK(std::filesystem::exists(site.host.state + "/archive/www/1/privkey.pem") == !asks_removal);
    }
  }

  TEST_CASE("a removal destroys no key before the revocation that may need it, and says so") {
    Site site;
    issue(site.host, {site.www(), Keep::alive, {}});
    const std::string key = site.host.state + "/archive/www/1/privkey.pem";
    {
      const Away away(site);
      const Verdict verdict = remove(site.host, {kWww, OnRemoval::revoke, Keys::destroy});
      CHECK(verdict.exit_code() != 0);
      CHECK(std::ranges::any_of(verdict.outcomes, [](const Outcome& one) {
        return one.step == "revoke" && one.text.find("private keys") != std::string::npos;
      }));
      CHECK(std::filesystem::exists(key));
      const auto standing = reconcile::plan(site.host, {kWww}).front().standing;
      REQUIRE(standing.size() == 1);
      CHECK(standing.front().text == plan::kKeysWait);
    }
    site.now += days(1);
    CHECK(renew(site.host, {}).exit_code() == 0);
    CHECK_FALSE(std::filesystem::exists(key));
  }

  TEST_CASE("a wish that is withdrawn leaves no failure of its own behind") {
    Site site;
    issue(site.host, {site.www(), Keep::alive, {}});
    {
      const Away away(site);
      CHECK(remove(site.host, {kWww, OnRemoval::revoke, Keys::keep}).exit_code() == 1);
    }
    cancel(site.host, {kWww, inventory::IntentKind::remove});
    inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_only, site.now);
    CHECK(inventory::Attempts(store).of("certificate/www").empty());
  }

  TEST_CASE("what is changed again after it was mended twice in a day fails aloud, and is tried again another day") {
    Site site;
    config::Certificate www = site.www();
    issue(site.host, {www, Keep::alive, {}});
    const std::string served = site.root / "tls/fullchain.pem";
    for (int i = 0; i < 4; ++i) {
      CAPTURE(i);
      std::ofstream(served) << "somebody else's " << i;
      site.now += std::chrono::hours(1);
      const Verdict verdict = renew(site.host, {});
      CHECK((verdict.exit_code() == 0 || verdict.exit_code() == 4) == (i < 2));
    }
    site.now += days(2);
    renew(site.host, {});
    CHECK(pki::Certificate::parse_all(base::read_file(served, 1 << 20)).size() > 1);
  }

  TEST_CASE("what was deployed and is taken away again and again fails aloud the third time in a day") {
    Site site;
    issue(site.host, {site.www(), Keep::alive, {}});
    const std::string served = site.root / "tls/fullchain.pem";
    for (int i = 0; i < 4; ++i) {
      CAPTURE(i);
      std::filesystem::remove(served);
      site.now += std::chrono::hours(1);
      const Verdict verdict = renew(site.host, {});
      CHECK((verdict.exit_code() == 0) == (i < 2));
      CHECK(std::filesystem::exists(served) == (i < 2));
    }
    site.now += days(2);
    renew(site.host, {});
    CHECK(std::filesystem::exists(served));
  }

  TEST_CASE("of two certificates whose directories became one by a link, what is there stays and the other says why") {
    Site site;
    config::Certificate other = site.www();
    other.name = Name::parse("other");
    other.identifiers = {pki::Identifier::parse("other.example.org")};
    const std::string tls = site.root / "tls", place = site.root / "tls2";
    std::filesystem::create_directory(place);
    base::Table written{{"directory", {place, {}}}};
    other.deployments = {
        config::make_deployment(Name::parse("files"), "files", written, {}, config_kinds({}), other.name)};
    issue(site.host, {site.www(), Keep::alive, {}});
    issue(site.host, {other, Keep::alive, {}});
    const std::string own = place + ".own";
    std::filesystem::rename(place, own);
    std::filesystem::create_directory_symlink(tls, place);
    const auto leaf = [&] {
      return pki::Certificate::parse_all(base::read_file(tls + "/fullchain.pem", 1 << 20)).front();
    };
    const auto before = leaf();
    for (int run = 0; run < 5; ++run) {
      CAPTURE(run);
      CHECK(renew(site.host, {}).exit_code() == 1);
      CHECK(leaf() == before);
      site.now += std::chrono::hours(3);
    }
    CHECK(site.events("deployment.failed") == 1);
    const auto planned_of = [&](const char* name) {
      return reconcile::plan(site.host, {Name::parse(name)}).front().steps;
    };
    REQUIRE(planned_of("other").size() == 1);
    const std::string why = planned_of("other").front().why.front().text;
    CHECK_MESSAGE(why.find("certificate/www") != std::string::npos, why);
    CHECK(planned_of("www").empty());
    inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_only, site.now);
    const auto listed = overview(site.host, store).certificates;
    CHECK(listed.front().record.name == other.name);
    CHECK(listed.front().state.state == plan::State::failing);

    // The one that is there goes on being renewed; a wish changes nothing.
    CHECK(renew(site.host, {{kWww}, Force::yes}).exit_code() != 1);
    CHECK(leaf() != before);
    CHECK_THROWS_AS(deploy(site.host, {Name::parse("nobody")}), base::Error);
    CHECK(deploy(site.host, {other.name}).exit_code() == 1);

    std::filesystem::remove(place);
    std::filesystem::rename(own, place);
    site.now += days(1);
    CHECK(renew(site.host, {}).exit_code() == 0);
    CHECK(renew(site.host, {}).exit_code() == 0);
  }

  TEST_CASE("a target that moves to another name of its own directory keeps what is there") {
    Site site;
    issue(site.host, {site.www(), Keep::alive, {}});
    const std::string link = site.root / "link";
    std::filesystem::create_directory_symlink(site.root / "tls", link);
    config::Certificate moved = site.www();
    base::Table written{{"directory", {link, {}}}};
    moved.deployments = {
        config::make_deployment(Name::parse("files"), "files", written, {}, config_kinds({}), moved.name)};
    issue(site.host, {moved, Keep::alive, {}});
    CHECK(renew(site.host, {}).exit_code() == 0);
    CHECK(site.events("deployment.retired") == 1);
    CHECK(std::filesystem::exists(link + "/fullchain.pem"));
  }

  TEST_CASE("what was removed stays removed when the database is lost, and what nobody names is held") {
    const auto managed_after = [](const Site& site) {
      inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_only, site.now);
      return inventory::Managed(store).find(kWww);
    };
    const auto leaf = [](const Site& site) {
      return pki::Certificate::parse_all(base::read_file(site.root.path() + "/tls/fullchain.pem", 1 << 20)).front();
    };
    SUBCASE("removed") {
      Site site;
      issue(site.host, {site.www(), Keep::alive, {}});
      remove(site.host, {kWww});
      config::Certificate other = site.www();
      other.name = Name::parse("other");
      issue(site.host, {other, Keep::alive, {}});
      const auto served = leaf(site);
      site.lose_database();
      CHECK(rebuild(site.host).exit_code() == 0);
      CHECK_FALSE(managed_after(site));
      CHECK(renew(site.host, {}).exit_code() == 0);
      CHECK(leaf(site) == served);
      for (const Complaint& one : examine(site.host)) CHECK_MESSAGE(false, one.what);
      // Its name comes back, and is known again after the next loss.
      issue(site.host, {site.www(), Keep::once, {}});
      site.lose_database();
      rebuild(site.host);
      REQUIRE(managed_after(site));
      CHECK(site.versions().size() == 1);
      CHECK(site.versions().front().number == 2);
    }
    SUBCASE("removed after the backup") {
      Site site;
      issue(site.host, {site.www(), Keep::once, {}});
      {
        inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_write, site.now);
        inventory::backup(store, site.root / "backup.db");
      }
      remove(site.host, {kWww, OnRemoval::leave, Keys::destroy});
      site.lose_database();
      restore(site.host, site.root / "backup.db");
      CHECK_FALSE(managed_after(site));
      CHECK(renew(site.host, {}).exit_code() == 0);
    }
    SUBCASE("deleted from the config") {
      Site site;
      issue(site.host, {site.www(), Keep::alive, {}});
      std::filesystem::remove(site.root.path() + "/config/conf.d/www.toml");
      std::filesystem::remove(site.root.path() + "/tls/fullchain.pem");
      site.lose_database();
      rebuild(site.host);
      REQUIRE(managed_after(site));
      CHECK(managed_after(site)->orphaned);
      renew(site.host, {});
      CHECK_FALSE(std::filesystem::exists(site.root.path() + "/tls/fullchain.pem"));
    }
    SUBCASE("kept alive") {
      Site site;
      issue(site.host, {site.www(), Keep::alive, {}});
      site.lose_database();
      rebuild(site.host);
      REQUIRE(managed_after(site));
      CHECK_FALSE(managed_after(site)->orphaned);
      CHECK(managed_after(site)->origin.find("www.toml") != std::string::npos);
    }
    SUBCASE("once") {
      Site site;
      issue(site.host, {site.www(), Keep::once, {}});
      site.lose_database();
      rebuild(site.host);
      REQUIRE(managed_after(site));
      CHECK(managed_after(site)->origin == kOnce);
    }
  }

  TEST_CASE("a removal that is withdrawn leaves the certificate kept alive as before") {
    Site site;
    issue(site.host, {site.www(), Keep::alive, {}});
    const std::string fragment = site.root.path() + "/config/conf.d/www.toml";
    {
      const Away away(site);
      CHECK(remove(site.host, {kWww, OnRemoval::revoke, Keys::keep}).exit_code() == 1);
    }
    CHECK_THROWS_AS(issue(site.host, {site.www(), Keep::alive, {}}), base::Error);
    CHECK_THROWS_AS(renew(site.host, {{kWww}, Force::yes}), base::Error);
    CHECK_THROWS_AS(deploy(site.host, {kWww}), base::Error);
    CHECK(cancel(site.host, {kWww, inventory::IntentKind::remove}).exit_code() == 0);
    CHECK(std::filesystem::exists(fragment));
    CHECK(renew(site.host, {}).exit_code() == 0);
    site.now += days(80);
    CHECK(renew(site.host, {}).renewed == 1);
    CHECK(site.live() == 2);
    CHECK_FALSE(site.versions().front().revoked_at);
  }

  TEST_CASE("what a removal deletes of the config is told, and a file that was written meanwhile stays") {
    for (const bool rewritten : {false, true}) {
      CAPTURE(rewritten);
      Site site;
      issue(site.host, {site.www(), Keep::alive, {}});
      const std::string fragment = site.root.path() + "/config/conf.d/www.toml";
      {
        const Away away(site);
        remove(site.host, {kWww, OnRemoval::revoke, Keys::keep});
      }
      if (rewritten) std::ofstream(fragment, std::ios::app) << "# wanted again\n";
      site.now += days(1);
      const Verdict verdict = renew(site.host, {});
      const auto told = std::ranges::find(verdict.outcomes, "remove", &Outcome::step);
      REQUIRE(told != verdict.outcomes.end());
      CHECK(contains(told->text,
                     fragment + (rewritten ? " was written after that was asked for and stays" : " is deleted")));
      CHECK(std::filesystem::exists(fragment) == rewritten);
    }
  }

  TEST_CASE("a forced renewal of what is damaged tells nothing of the version that it replaces") {
    Site site;
    REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
    const std::string version = site.host.state + "/archive/www/1/";
    std::filesystem::remove(version + "cert.pem");
    std::ofstream(version + "privkey.pem") << pki::PrivateKey::generate(pki::KeyType::ecdsa_p256).pem().reveal_text();
    const Verdict verdict = renew(site.host, {{kWww}, Force::yes});
    CHECK(verdict.exit_code() == 0);
    CHECK(std::ranges::none_of(verdict.outcomes, [](const Outcome& one) { return one.step == "compare"; }));
    CHECK(site.live() == 2);
  }

  TEST_CASE("a definition that moved to another file during a removal is not made anew behind it") {
    Site site;
    issue(site.host, {site.www(), Keep::alive, {}});
    const std::string fragment = site.root.path() + "/config/conf.d/www.toml";
    {
      const Away away(site);
      remove(site.host, {kWww, OnRemoval::revoke, Keys::keep});
    }
    std::filesystem::rename(fragment, site.root.path() + "/config/conf.d/all.toml");
    site.now += days(1);
    CHECK(renew(site.host, {}).exit_code() != 0);
    CHECK(planned(site, "forget").why.back().text.find("all.toml") != std::string::npos);
    std::filesystem::remove(site.root.path() + "/config/conf.d/all.toml");
    site.now += days(1);
    CHECK(renew(site.host, {}).exit_code() == 0);
    CHECK_THROWS_AS(reconcile::plan(site.host, {kWww}), base::Error);
    CHECK(site.events("certificate.signed") == 1);
  }

  TEST_CASE("what was begun for a wish that is withdrawn is given up, and its number is not given again") {
    Site site;
    issue(site.host, {site.www(), Keep::alive, {}});
    const std::string begun = site.host.state + "/archive/www/.2";
    {
      const Away away(site);
      CHECK(renew(site.host, {{kWww}, Force::yes}).exit_code() == 1);
    }
    REQUIRE(std::filesystem::exists(begun));
    const Verdict verdict = cancel(site.host, {kWww, inventory::IntentKind::force_renew});
    CHECK(verdict.exit_code() == 0);
    CHECK(verdict.outcomes.back().text.find("version 2") != std::string::npos);
    CHECK(planned(site, "give-up").version == 2);
    site.now += days(1);
    const Verdict next = renew(site.host, {});
    CHECK(next.exit_code() == 0);
    CHECK(next.renewed == 0);
    CHECK(site.versions().size() == 1);
    CHECK(attempts(site).empty());
    CHECK_FALSE(std::filesystem::exists(begun));
    CHECK(site.events("certificate.signed") == 1);
    CHECK(site.events("certificate.given_up") == 1);
    CHECK(renew(site.host, {{kWww}, Force::yes}).renewed == 1);
    CHECK(site.live() == 3);
  }

  TEST_CASE("what was begun goes on where another reason asks for it") {
    Site site;
    issue(site.host, {site.www(), Keep::alive, {}});
    {
      const Away away(site);
      renew(site.host, {{kWww}, Force::yes});
    }
    site.now += days(80);
    const Verdict verdict = cancel(site.host, {kWww, inventory::IntentKind::force_renew});
    CHECK(verdict.outcomes.back().text.find("renewal was due") != std::string::npos);
    CHECK(renew(site.host, {}).renewed == 1);
    CHECK(site.live() == 2);
  }

  TEST_CASE("kill in a renewal that is withdrawn then: what is signed is finished, all else is given up") {
    int finished = 0, given_up = 0;
    for (int at = 1;; ++at) {
      CAPTURE(at);
      Site site;
      issue(site.host, {site.www(), Keep::alive, {}});
      const fakes::ChildEnd end = fakes::run_in_child(site.root / "scratch", {fakes::Mishap::Kind::kill, at, 0}, [&] {
        renew(site.host, {{kWww}, Force::yes});
      });
      if (end.how == fakes::ChildEnd::How::done) break;
      REQUIRE(end.how == fakes::ChildEnd::How::cut);
      try {
        CHECK(cancel(site.host, {kWww, inventory::IntentKind::force_renew}).exit_code() == 0);
      } catch (const base::Error& error) {
        CHECK(error.fault() == base::Fault::not_found);  // not asked yet, or done
      }
      CHECK(renew(site.host, {}).exit_code() == 0);
      CHECK(plans_nothing(site));
      const auto versions = site.versions();
      CHECK(site.events("certificate.signed") == static_cast<std::int64_t>(versions.size()));
      CHECK(site.live() == versions.back().number);
      CHECK_FALSE(std::filesystem::exists(site.host.state + "/archive/www/.2"));
      ++(versions.size() == 2 ? finished : given_up);
    }
    CHECK(finished > 0);
    CHECK(given_up > 0);
  }

  TEST_CASE("what is away is not taken for taken away, until somebody says that it is gone") {
    enum class Asked { left_config, removal };
    enum class End { back, gone };
    for (const Asked asked : {Asked::left_config, Asked::removal})
      for (const End end : {End::back, End::gone}) {
        CAPTURE(asked == Asked::removal);
        CAPTURE(end == End::gone);
        Site site;
        issue(site.host, {site.www(), Keep::alive, {}});
        const std::string place = site.root / "tls";
        const std::string elsewhere = site.root / "elsewhere";
        std::filesystem::rename(place, elsewhere);
        std::optional<Verdict> verdict;
        if (asked == Asked::removal) {
          verdict = remove(site.host, {kWww, OnRemoval::leave, Keys::destroy});
        } else {
          std::ofstream(site.root / "config/conf.d/www.toml")
              << "[certificate.www]\nidentifiers = [\"www.example.org\"]\nissuer = [\"corp\"]\n";
          verdict = renew(site.host, {});
        }
        CHECK(verdict->exit_code() == (asked == Asked::removal ? 4 : 1));
        const auto failed = std::ranges::find(verdict->outcomes, Result::failed, &Outcome::result);
        REQUIRE(failed != verdict->outcomes.end());
        CHECK(failed->step == "retire");
        CHECK(contains(failed->text, place + " is away"));
        CHECK(contains(failed->facts.hint, "mkdir -p " + place));
        CHECK(site.events("deployment.retired") == 0);
        CHECK(std::filesystem::exists(elsewhere + "/privkey.pem"));
        {
          inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_only, site.now);
          const plan::StandingState state = overview(site.host, store).certificates.front().state;
          CHECK(state.state == plan::State::failing);
          CHECK(contains(state.why, place + " is away"));
          CHECK(contains(state.why, "its removal is not finished") == (asked == Asked::removal));
        }
        if (asked == Asked::removal)
          CHECK(std::ranges::any_of(verdict->outcomes, [](const Outcome& one) {
            return one.step == "delete-keys" && one.text == "of version 1";
          }));

        if (end == End::back)
          std::filesystem::rename(elsewhere, place);
        else
          std::filesystem::create_directory(place);
        const Verdict last = renew(site.host, {{kWww}, Force::no});
        CHECK(last.exit_code() == 0);
        CHECK(site.events("deployment.retired") == 1);
        const auto retired = std::ranges::find(last.outcomes, "retire", &Outcome::step);
        REQUIRE(retired != last.outcomes.end());
        CHECK((retired->result == Result::warned) == (end == End::gone));
        CHECK(contains(retired->text, "nothing of it was found in " + place) == (end == End::gone));
        CHECK_FALSE(std::filesystem::exists(place + "/privkey.pem"));
        if (asked == Asked::removal) CHECK_THROWS_AS(reconcile::plan(site.host, {kWww}), base::Error);
      }
  }

  TEST_CASE("a forced renewal after a deployment that failed reloads once, with the new version") {
    for (const bool issuer_is_away : {false, true}) {
      CAPTURE(issuer_is_away);
      Site site;
      const std::string hook = site.root / "reload", reloads = site.root / "reloads", failing = site.root / "failing";
      std::ofstream(hook) << "#!/bin/sh\necho $EVERSEAL_VERSION >> " << reloads << "\n! test -e " << failing << "\n";
      std::filesystem::permissions(hook, std::filesystem::perms::owner_all);
      std::ofstream(failing) << "";
      CHECK(issue(site.host, {site.www(hook), Keep::alive, {}}).exit_code() != 0);
      std::filesystem::remove(failing);
      std::filesystem::remove(reloads);
      std::optional<Away> away;
      if (issuer_is_away) away.emplace(site);
      const Verdict verdict = renew(site.host, {{kWww}, Force::yes});
      CHECK(verdict.renewed == (issuer_is_away ? 0 : 1));
      // The older one where no new one comes.
      const base::Bytes told = base::read_file(reloads, 100);
      CHECK(base::as_text(told) == (issuer_is_away ? "1\n" : "2\n"));
    }
  }

  TEST_CASE("kill in taking a target away: what was taken away is not said to be lost") {
    int resumed = 0;
    for (int at = 1;; ++at) {
      CAPTURE(at);
      Site site;
      issue(site.host, {site.www(), Keep::alive, {}});
      std::ofstream(site.root / "config/conf.d/www.toml")
          << "[certificate.www]\nidentifiers = [\"www.example.org\"]\nissuer = [\"corp\"]\n";
      const fakes::ChildEnd end = fakes::run_in_child(site.root / "scratch", {fakes::Mishap::Kind::kill, at, 0}, [&] {
        renew(site.host, {{kWww}, Force::no});
      });
      if (end.how == fakes::ChildEnd::How::done) break;
      REQUIRE(end.how == fakes::ChildEnd::How::cut);
      const bool was_gone = !std::filesystem::exists(site.root / "tls/.everseal");
      const Verdict last = renew(site.host, {{kWww}, Force::no});
      CHECK(last.exit_code() == 0);
      CHECK(site.events("deployment.retired") == 1);
      CHECK_FALSE(std::filesystem::exists(site.root / "tls/.everseal"));
      const auto retired = std::ranges::find(last.outcomes, "retire", &Outcome::step);
      if (retired == last.outcomes.end()) continue;
      CHECK(retired->result == Result::done);
      CHECK(contains(retired->text, "is taken away"));
      resumed += was_gone ? 1 : 0;
    }
    CHECK(resumed > 0);
  }

  TEST_CASE("who withdraws a removal hears which keys it destroyed, and nothing of it fails any more") {
    Site site;
    issue(site.host, {site.www(), Keep::alive, {}});
    std::filesystem::rename(site.root / "tls", site.root / "elsewhere");
    CHECK(remove(site.host, {kWww, OnRemoval::leave, Keys::destroy}).exit_code() == 4);
    const Verdict withdrawn = cancel(site.host, {kWww, inventory::IntentKind::remove});
    CHECK(std::ranges::any_of(withdrawn.outcomes, [](const Outcome& one) {
      return one.result == Result::warned && contains(one.text, "the private key of version 1 is destroyed already");
    }));
    inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_only, site.now);
    CHECK(inventory::Attempts(store).of(subject_of(kWww)).empty());
    CHECK_FALSE(contains(overview(site.host, store).certificates.front().state.why, "retire"));
  }

  TEST_CASE("a target that left the config is taken away, and its failures with it") {
    Site site;
    config::Certificate www = site.www();
    REQUIRE(issue(site.host, {www, Keep::alive, {}}).exit_code() == 0);
    CHECK(std::filesystem::exists(site.root / "tls/privkey.pem"));
    std::filesystem::create_directory(site.root / "other");
    const std::string fragment = site.root.path() + "/config/conf.d/www.toml";
    const auto write = [&](const std::string& target, const std::string& directory, const std::string& reload) {
      std::ofstream(fragment) << "[certificate.www]\nidentifiers = [\"www.example.org\"]\nissuer = [\"corp\"]\n"
                              << "[certificate.www.deploy." << target << "]\ntype = \"files\"\ndirectory = \""
                              << site.root.path() << "/" << directory << "\"\nverify = \"none\"\n"
                              << reload;
    };
    // Another place: the former one is emptied when the new one is in use.
    write("files", "other", "");
    CHECK(renew(site.host, {}).exit_code() == 0);
    CHECK(std::filesystem::exists(site.root / "other/privkey.pem"));
    CHECK_FALSE(std::filesystem::exists(std::filesystem::symlink_status(site.root / "tls/privkey.pem")));
    CHECK_FALSE(std::filesystem::exists(site.root / "tls/.everseal"));
    // Another name for the same place takes nothing away.
    write("web", "other", "");
    CHECK(renew(site.host, {}).exit_code() == 0);
    CHECK(std::filesystem::exists(site.root / "other/privkey.pem"));
    CHECK(site.events("deployment.retired") == 2);
    // One that fails, and is given up.
    std::filesystem::create_directory(site.root / "third");
    write("broken", "third", "reload = [\"/bin/false\"]\n");
    CHECK(renew(site.host, {}).exit_code() == 1);
    CHECK(renew(site.host, {}).exit_code() == 1);
    CHECK(std::filesystem::exists(site.root / "other/privkey.pem"));  // until the new one is proved
    write("web", "other", "");
    renew(site.host, {});
    CHECK(renew(site.host, {}).exit_code() == 0);
    CHECK_FALSE(std::filesystem::exists(site.root / "third/privkey.pem"));
    CHECK(std::filesystem::exists(site.root / "other/privkey.pem"));
  }

  TEST_CASE("a file of what is in use that somebody damaged is mended by the next run, and nothing is issued for it") {
    const auto overwrite = [](const std::string& path) {
      // As long as before, and as old.
      const auto size = std::filesystem::file_size(path);
      const auto time = std::filesystem::last_write_time(path);
      std::ofstream(path) << std::string(size, 'x');
      std::filesystem::last_write_time(path, time);
    };
    const struct {
      const char* title;
      std::function<void(const std::string& archive, const std::string& tls)> damage;
    } rows[] = {
        {"deployed, overwritten", [&](const auto&, const auto& tls) { overwrite(tls + "/fullchain.pem"); }},
        {"deployed, emptied", [](const auto&, const auto& tls) { std::ofstream(tls + "/privkey.pem") << ""; }},
        {"deployed, another mode",
         [](const auto&, const auto& tls) {
           std::filesystem::permissions(tls + "/privkey.pem", std::filesystem::perms{0644});
         }},
        {"deployed, replaced",
         [](const auto&, const auto& tls) {
           std::filesystem::remove(tls + "/fullchain.pem");
           std::ofstream(tls + "/fullchain.pem") << "foreign";
         }},
        {"in the archive, overwritten", [&](const auto& archive, const auto&) { overwrite(archive + "/cert.pem"); }},
        {"in the archive, gone",
         [](const auto& archive, const auto&) { std::filesystem::remove(archive + "/fullchain.pem"); }},
        {"in the archive, a directory",
         [](const auto& archive, const auto&) {
           std::filesystem::remove(archive + "/cert.pem");
           std::filesystem::create_directories(archive + "/cert.pem/mine");
         }},
        {"deployed, a directory",
         [](const auto&, const auto& tls) {
           std::filesystem::remove(tls + "/fullchain.pem");
           std::filesystem::create_directories(tls + "/fullchain.pem/mine");
         }},
        {"the manifest is gone",
         [](const auto& archive, const auto&) { std::filesystem::remove(archive + "/manifest.json"); }},
        {"both",
         [&](const auto& archive, const auto& tls) {
           overwrite(archive + "/fullchain.pem");
           overwrite(tls + "/fullchain.pem");
         }},
    };
    for (const auto& row : rows) {
      CAPTURE(row.title);
      Site site;
      issue(site.host, {site.www(), Keep::alive, {}});
      REQUIRE(renew(site.host, {}).outcomes.empty());
      CHECK(plans_nothing(site));
      row.damage(site.host.state + "/archive/www/1", site.root / "tls");
      const Verdict verdict = renew(site.host, {});
      CHECK(verdict.exit_code() == 0);
      CHECK_FALSE(verdict.outcomes.empty());
      CHECK(renew(site.host, {}).outcomes.empty());
      for (const Complaint& complaint : examine(site.host)) CHECK_MESSAGE(false, complaint.what);
      CHECK(site.events("certificate.signed") == 1);
      CHECK(plans_nothing(site));
    }
  }

  TEST_CASE("a damaged key of what is in use is told, and a forced renewal ends it") {
    Site site;
    issue(site.host, {site.www(), Keep::alive, {}});
    renew(site.host, {});
    std::ofstream(site.host.state + "/archive/www/1/privkey.pem") << "no key";
    const Verdict verdict = renew(site.host, {});
    CHECK(verdict.exit_code() == 1);
    REQUIRE(verdict.outcomes.size() == 1);
    CHECK(verdict.outcomes.front().step == "compare");
    CHECK(planned(site, "compare").gate == plan::Gate::backing_off);
    CHECK(renew(site.host, {{kWww}, Force::yes}).exit_code() == 0);
    CHECK(renew(site.host, {}).exit_code() == 0);
    CHECK(attempts(site).empty());
  }

  TEST_CASE("a version out of use that is gone from the archive is told, recorded, and nothing goes back to it") {
    Site site;
    issue(site.host, {site.www(), Keep::alive, {}});
    renew(site.host, {{kWww}, Force::yes});
    REQUIRE(site.live() == 2);
    std::filesystem::remove_all(site.host.state + "/archive/www/1");
    CHECK(archive::standing_of(site.host.state, kWww, 1).exists == false);
    const auto complaints = examine(site.host);
    REQUIRE(complaints.size() == 1);
    CHECK(complaints.front().rule == "version-lost");
    const std::string refusal = error_of([&] { rollback(site.host, {kWww, std::nullopt}); }).message();
    CHECK_MESSAGE(refusal.find("gone from the archive") != std::string::npos, refusal);
    CHECK(renew(site.host, {}).exit_code() == 0);
    CHECK(mend(site.host).outcomes.size() == 1);
    CHECK(examine(site.host).empty());
    CHECK_FALSE(site.versions().front().has_key);
  }

  TEST_CASE("what was issued once and is gone from the archive is told until it is back or made anew") {
    const struct {
      const char* title;
      std::function<void(const std::string& archive)> lose;
    } rows[] = {
        {"its key", [](const std::string& at) { std::filesystem::rename(at + "/1/privkey.pem", at + "/kept"); }},
        {"all of it", [](const std::string& at) { std::filesystem::rename(at + "/1", at + "/kept"); }},
    };
    for (const auto& row : rows) {
      CAPTURE(row.title);
      for (const bool back : {false, true}) {
        Site site;
        config::Certificate www = site.www();
        www.deployments.clear();
        issue(site.host, {www, Keep::once, {}});
        const std::string archive = site.host.state + "/archive/www";
        row.lose(archive);
        CHECK(renew(site.host, {}).exit_code() == 1);
        site.now += days(2);
        CHECK(renew(site.host, {}).exit_code() == 1);
        CHECK(site.events("step.failed") == 1);
        {
          inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_only, site.now);
          const auto listed = overview(site.host, store).certificates;
          CHECK(listed.front().state.state == plan::State::failing);
          CHECK(listed.front().state.attention == plan::Attention::needed);
        }
        if (back)
          std::filesystem::rename(archive + "/kept",
                                  archive + (std::string_view(row.title) == "its key" ? "/1/privkey.pem" : "/1"));
        else
          CHECK(renew(site.host, {{kWww}, Force::yes}).exit_code() == 0);
        site.now += days(1);
        CHECK(renew(site.host, {}).exit_code() == 0);
        CHECK(attempts(site).empty());
      }
    }
  }

  TEST_CASE("a certificate whose key lives elsewhere is written again where its version is gone") {
    Site site;
    config::Certificate www = site.www();
    www.deployments.clear();
    const base::Bytes csr =
        pki::make_csr({www.subject, www.identifiers}, pki::PrivateKey::generate(pki::KeyType::ecdsa_p256));
    issue(site.host, {www, Keep::once, csr});
    std::filesystem::remove_all(site.host.state + "/archive/www/1");
    CHECK(renew(site.host, {}).exit_code() == 0);
    CHECK(archive::standing_of(site.host.state, kWww, 1).complete);
    CHECK(examine(site.host).empty());
    CHECK(renew(site.host, {}).outcomes.empty());
  }

  TEST_CASE("a key in the archive that others could read is closed by the next run, which warns once") {
    Site site;
    issue(site.host, {site.www(), Keep::alive, {}});
    renew(site.host, {{kWww}, Force::yes});
    renew(site.host, {});
    using std::filesystem::perms;
    const auto key = [&](int number) { return fmt::format("{}/archive/www/{}/privkey.pem", site.host.state, number); };
    for (const int number : {1, 2}) std::filesystem::permissions(key(number), perms{0644});
    const Verdict verdict = renew(site.host, {});
    CHECK(verdict.exit_code() == 0);
    REQUIRE(verdict.outcomes.size() == 1);
    CHECK(verdict.outcomes.front().result == Result::warned);
    CHECK(verdict.outcomes.front().text.find("keyCompromise") != std::string::npos);
    for (const int number : {1, 2}) CHECK(std::filesystem::status(key(number)).permissions() == perms{0600});
    CHECK(renew(site.host, {}).outcomes.empty());
    CHECK(site.events("files.damaged") == 1);
  }

  TEST_CASE("what is deployed is mended a third time for who asks by name, and by itself when a day is over") {
    for (const bool asked : {true, false}) {
      CAPTURE(asked);
      Site site;
      REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
      const std::string key = site.root / "tls/privkey.pem";
      for (int mended = 0; mended < 2; ++mended) {
        std::filesystem::remove(key);
        renew(site.host, {});
        CHECK(std::filesystem::exists(key));
        site.now += std::chrono::hours(1);
      }
      std::filesystem::remove(key);
      const Verdict refused = renew(site.host, {});
      CHECK(refused.exit_code() == 1);
      CHECK_FALSE(std::filesystem::exists(key));
      REQUIRE(refused.outcomes.size() == 1);
      CHECK(refused.outcomes.front().facts.retry_at == site.now + std::chrono::hours(22));
      if (asked) {
        CHECK(renew(site.host, {{kWww}, Force::no}).exit_code() == 0);
      } else {
        site.now += std::chrono::hours(2);
        renew(site.host, {});
        CHECK_FALSE(std::filesystem::exists(key));
        site.now += std::chrono::hours(20) + std::chrono::minutes(1);
        CHECK(renew(site.host, {}).exit_code() == 0);
      }
      CHECK(std::filesystem::exists(key));
    }
  }

  TEST_CASE("who has a certificate kept alive that was issued once hears that, and that its key changes hands") {
    for (const bool external : {true, false}) {
      CAPTURE(external);
      Site site;
      config::Certificate www = site.www();
      www.deployments.clear();
      base::Bytes csr;
      if (external)
        csr = pki::make_csr({www.subject, www.identifiers}, pki::PrivateKey::generate(pki::KeyType::ecdsa_p256));
      REQUIRE(issue(site.host, {www, Keep::once, csr}).exit_code() == 0);
      const Verdict verdict = issue(site.host, {www, Keep::alive, {}});
      CHECK(verdict.exit_code() == 0);
      const std::string_view said = external ? "its key was made elsewhere" : "kept alive from now on";
      CHECK(std::ranges::any_of(verdict.outcomes,
                                [&](const Outcome& one) { return one.text.find(said) != std::string::npos; }));
      for (const Outcome& one : issue(site.host, {www, Keep::alive, {}}).outcomes)
        CHECK(one.text.find(said) == std::string::npos);
    }
  }

  TEST_CASE("what was mended elsewhere does not speak for a reload that fails") {
    Site site;
    REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
    for (const char* const file : {"fullchain.pem", "manifest.json"}) {
      std::ofstream(fmt::format("{}/archive/www/1/{}", site.host.state, file)) << "junk";
      renew(site.host, {});
    }
    REQUIRE(site.events("files.damaged") == 2);
    std::filesystem::create_directory(site.root / "tls2");
    config::Certificate www = site.www();
    www.deployments.push_back(config::make_deployment(
        Name::parse("second"), "files",
        {{"directory", {site.root / "tls2", {}}}, {"reload", base::Value{base::List{{"/bin/false", {}}}, {}}}}, {},
        config_kinds({}), www.name));
    CHECK(issue(site.host, {www, Keep::alive, {}}).exit_code() == 1);
    const Verdict again = renew(site.host, {{kWww}, Force::no});
    REQUIRE(again.outcomes.size() == 1);
    CHECK(again.outcomes.front().text.find("the reload failed") != std::string::npos);
    CHECK(again.outcomes.front().text.find("changed again") == std::string::npos);
  }

  TEST_CASE("what stands in the place of the next version is put aside, and blocks nothing") {
    const struct {
      const char* title;
      std::function<void(const std::string& archive)> put;
    } rows[] = {
        {"an empty directory", [](const std::string& at) { std::filesystem::create_directory(at + "/2"); }},
        {"a foreign directory",
         [](const std::string& at) {
           std::filesystem::create_directory(at + "/2");
           std::ofstream(at + "/2/notes.txt") << "mine";
         }},
        {"a file", [](const std::string& at) { std::ofstream(at + "/2") << "mine"; }},
        {"a link", [](const std::string& at) { std::filesystem::create_symlink("1", at + "/2"); }},
        {"a copy of another version", [](const std::string& at) { std::filesystem::copy(at + "/1", at + "/2"); }},
        {"a file where it would grow", [](const std::string& at) { std::ofstream(at + "/.2") << "mine"; }},
    };
    for (const auto& row : rows) {
      CAPTURE(row.title);
      Site site;
      issue(site.host, {site.www(), Keep::alive, {}});
      const std::string archive = site.host.state + "/archive/www";
      row.put(archive);
      const Verdict verdict = renew(site.host, {{kWww}, Force::yes});
      CHECK(verdict.exit_code() == 0);
      CHECK(verdict.renewed == 1);
      CHECK(std::ranges::any_of(verdict.outcomes, [](const Outcome& one) {
        return one.result == Result::warned && one.text.find(".aside") != std::string::npos;
      }));
      CHECK(site.live() == 2);
      int aside = 0;
      for (const auto& entry : std::filesystem::directory_iterator(archive))
        aside += entry.path().filename().string().ends_with(".aside") ? 1 : 0;
      CHECK(aside == 1);
    }
  }

  TEST_CASE("a file in the place of a certificate's archive is put aside, and a link there is told how to end it") {
    Site site;
    issue(site.host, {site.www(), Keep::alive, {}});
    const std::string archive = site.host.state + "/archive/www", elsewhere = site.root / "elsewhere";
    std::filesystem::rename(archive, elsewhere);
    std::filesystem::create_directory_symlink(elsewhere, archive);
    const std::string refused = error_of([&] { archive::Archive(site.host.state).read(kWww, 1); }).hint();
    const std::string command = fmt::format("rm {0} && mv {1} {0}", archive, elsewhere);
    CHECK_MESSAGE(refused.find(command) != std::string::npos, refused);
    CHECK(renew(site.host, {{kWww}, Force::yes}).exit_code() == 1);
    CHECK(site.live() == 1);
    const auto complaints = examine(site.host);
    CHECK(std::ranges::any_of(complaints,
                              [&](const Complaint& one) { return one.remedy.find(command) != std::string::npos; }));
    REQUIRE(std::system(command.c_str()) == 0);
    site.now += days(1);
    CHECK(renew(site.host, {}).exit_code() == 0);
    CHECK(site.live() == 2);

    std::filesystem::rename(archive, elsewhere);
    std::ofstream(archive) << "mine";
    const Verdict verdict = renew(site.host, {});
    CHECK(verdict.exit_code() == 0);
    CHECK(site.live() == 3);
    CHECK(std::filesystem::exists(site.host.state + "/archive/.www.aside"));
  }

  TEST_CASE("a version that cannot be made live keeps no other one waiting") {
    Site site;
    issue(site.host, {site.www(), Keep::alive, {}});
    renew(site.host, {{kWww}, Force::yes});
    const auto key = [&](int number) { return fmt::format("{}/archive/www/{}/privkey.pem", site.host.state, number); };
    std::filesystem::copy_file(key(2), key(1), std::filesystem::copy_options::overwrite_existing);
    CHECK(rollback(site.host, {kWww, std::nullopt}).exit_code() != 0);
    CHECK(site.live() == 2);
    renew(site.host, {{kWww}, Force::yes});
    CHECK(site.live() == 3);
    CHECK(renew(site.host, {}).exit_code() == 0);
  }

  TEST_CASE("a file that is no backup is refused without a word on the database that is there") {
    Site site;
    const std::string file = site.root / "wrong.db";
    std::ofstream(file) << "no database at all, and long enough to be looked at as one";
    const base::Error refused = error_of([&] { restore(site.host, file); });
    CHECK(refused.message().find(file) != std::string::npos);
    CHECK_MESSAGE(refused.hint().find("everseal backup") != std::string::npos, refused.hint());
    CHECK(renew(site.host, {}).exit_code() == 0);
  }

  TEST_CASE("a rebuild over an empty database says so in one line") {
    Site site;
    issue(site.host, {site.www(), Keep::alive, {}});
    std::filesystem::resize_file(site.host.state + "/everseal.db", 0);
    const Verdict verdict = rebuild(site.host);
    REQUIRE(verdict.remarks.size() == 1);
    CHECK(verdict.remarks.front().text == "the replaced database was empty");
    CHECK(site.versions().size() == 1);
  }

  TEST_CASE("what failed because of a damaged database is no failure of the one that a rebuild makes") {
    for (const base::Fault fault : {base::Fault::corrupt, base::Fault::unreachable}) {
      CAPTURE(to_string(fault));
      Site site;
      issue(site.host, {site.www(), Keep::alive, {}});
      {
        inventory::Store store = open_store(site.host, sql::Access::read_write);
        inventory::Attempts(store).put({.step = "issue",
                                        .subject = "certificate/www",
                                        .target = "corp",
                                        .count = 2,
                                        .problem = "database disk image is malformed",
                                        .fault = std::string(to_string(fault)),
                                        .not_before = site.now + hours(1),
                                        .last = site.now});
      }
      rebuild(site.host);
      CHECK(attempts(site).empty() == (fault == base::Fault::corrupt));
    }
  }

  TEST_CASE("a file that left the contents of a target is gone when the others are proved") {
    Site site;
    const std::string fragment = site.root.path() + "/config/conf.d/www.toml";
    const auto write = [&](const std::string& contents) {
      std::ofstream(fragment) << "[certificate.www]\nidentifiers = [\"www.example.org\"]\nissuer = [\"corp\"]\n"
                              << "[certificate.www.deploy.web]\ntype = \"files\"\nverify = \"none\"\ndirectory = \""
                              << site.root.path() << "/tls\"\ncontents = [" << contents << "]\n";
    };
    write(R"("fullchain", "privkey")");
    renew(site.host, {});
    renew(site.host, {{kWww}, Force::yes});
    REQUIRE(std::filesystem::exists(site.root / "tls/privkey.pem"));
    write(R"("fullchain")");
    CHECK(renew(site.host, {}).exit_code() == 0);
    CHECK_FALSE(std::filesystem::exists(std::filesystem::symlink_status(site.root / "tls/privkey.pem")));
    for (const auto& entry : std::filesystem::recursive_directory_iterator(site.root / "tls"))
      CHECK(entry.path().filename() != "privkey.pem");
    // The way back is still there.
    CHECK(rollback(site.host, {kWww, std::nullopt}).exit_code() == 0);
    CHECK(std::filesystem::read_symlink(site.root / "tls/.everseal/www/current") == "1");
    CHECK(std::filesystem::exists(site.root / "tls/fullchain.pem"));
  }

  TEST_CASE("an orphan's old failure is nobody's") {
    Site site;
    issue(site.host, {site.www("/bin/false"), Keep::alive, {}});
    CHECK(renew(site.host, {}).exit_code() == 1);
    std::filesystem::remove(site.root / "config/conf.d/www.toml");
    renew(site.host, {});
    CHECK(renew(site.host, {}).exit_code() == 0);
  }

  TEST_CASE("a key in the archive that does not fit its certificate is given to no server") {
    Site site;
    issue(site.host, {site.www(), Keep::alive, {}});
    const std::string key = site.host.state + "/archive/www/1/privkey.pem";
    const base::Secret other = pki::PrivateKey::generate(pki::KeyType::ecdsa_p256).pem();
    std::ofstream(key) << other.reveal_text();
    CHECK(deploy(site.host, {Name::parse("www")}).exit_code() == 1);
    const base::Bytes served = base::read_file(site.root.path() + "/tls/privkey.pem", 1 << 16);
    CHECK(base::as_text(served) != other.reveal_text());
    std::filesystem::remove(key);
    mend(site.host);
    CHECK(renew(site.host, {}).exit_code() == 0);
    CHECK(site.live() == 2);
  }

  TEST_CASE("what was lost on the disk is made again") {
    Site site;
    issue(site.host, {site.www(), Keep::alive, {}});
    const auto gone = [&](const std::string& path) {
      std::filesystem::remove_all(path);
      return renew(site.host, {}).exit_code();  // nothing is due
    };
    CHECK(gone(site.host.state + "/live/www") == 0);
    CHECK(site.live() == 1);
    CHECK(gone(site.root.path() + "/tls/fullchain.pem") == 0);
    CHECK(std::filesystem::exists(site.root / "tls/fullchain.pem"));
    CHECK(gone(site.root.path() + "/tls/.everseal/www") == 0);
    CHECK(std::filesystem::exists(site.root / "tls/fullchain.pem"));
    CHECK(gone(site.host.state + "/archive/www/1/privkey.pem") == 0);
    CHECK(site.live() == 2);
    CHECK(gone(site.host.state + "/archive/www") == 0);
    CHECK(site.live() == 3);
    CHECK(std::filesystem::exists(site.root / "tls/fullchain.pem"));
    CHECK(renew(site.host, {}).outcomes.empty());
    const std::string crl = site.host.state + "/authorities/corp/crl.der";
    for (const bool garbage : {false, true}) {
      std::filesystem::remove(crl);
      if (garbage) std::ofstream(crl) << "garbage";
      CHECK(renew(site.host, {}).exit_code() == 0);
      CHECK_NOTHROW(pki::Crl::parse(base::read_file(crl, 1 << 20)));
    }
    CHECK(renew(site.host, {}).outcomes.empty());
  }

  TEST_CASE("each run warns of what is orphaned, and offers the name that it may have got") {
    Site site;
    issue(site.host, {site.www(), Keep::alive, {}});
    const std::string fragment = site.root.path() + "/config/conf.d/www.toml";
    std::filesystem::remove(fragment);
    for (int i = 0; i < 2; ++i) {
      const auto remarks = renew(site.host, {}).remarks;
      REQUIRE(remarks.size() == 1);
      CHECK(remarks.front().rule == "orphaned");
    }
    std::ofstream(fragment) << "[certificate.web]\nidentifiers = [\"www.example.org\"]\nissuer = [\"corp\"]\n";
    const auto remarks = renew(site.host, {}).remarks;
    REQUIRE(remarks.size() == 1);
    CHECK(remarks.front().rule == "renamed");
    CHECK(remarks.front().text.find("web") != std::string::npos);
    // Its files are not the new name's.
    CHECK(contains(remarks.front().hint,
                   fmt::format("takes its files and keys in {}/tls away, once no", site.root.path())));
  }

  TEST_CASE("who renamed a certificate is told to destroy the keys of the old name, and what is served stays") {
    Site site;
    issue(site.host, {site.www(), Keep::alive, {}});
    const std::string fragments = site.root.path() + "/config/conf.d/";
    std::ifstream before(fragments + "www.toml");
    std::string text{std::istreambuf_iterator<char>(before), {}};
    const std::string former = "certificate.www";
    for (std::size_t at; (at = text.find(former)) != std::string::npos;)
      text.replace(at, former.size(), "certificate.web");
    std::filesystem::remove(fragments + "www.toml");
    std::ofstream(fragments + "web.toml") << text;
    const auto remarks = renew(site.host, {}).remarks;
    REQUIRE(remarks.size() == 1);
    CAPTURE(remarks.front().hint);
    CHECK(contains(remarks.front().hint, "`everseal remove www --delete-keys` forgets the old one, with its keys"));
    CHECK(std::filesystem::exists(site.root / "tls/.everseal/www"));
    CHECK(remove(site.host, {kWww, OnRemoval::leave, Keys::destroy}).exit_code() == 0);
    CHECK_FALSE(std::filesystem::exists(site.root / "tls/.everseal/www"));
    CHECK(std::filesystem::exists(site.root / "tls/privkey.pem"));
  }

  TEST_CASE("who withdraws a removal hears what it revoked, for good") {
    Site site;
    issue(site.host, {site.www(), Keep::alive, {}});
    std::filesystem::rename(site.root / "tls", site.root / "elsewhere");
    CHECK(remove(site.host, {kWww, OnRemoval::revoke, Keys::destroy}).exit_code() == 4);
    const Verdict withdrawn = cancel(site.host, {kWww, inventory::IntentKind::remove});
    CHECK(std::ranges::any_of(withdrawn.outcomes, [](const Outcome& one) {
      return one.result == Result::warned && contains(one.text, "version 1 is revoked already, for good");
    }));
  }

  TEST_CASE("power cut or kill in a removal: the next runs end it, and leave nothing of what was to go") {
#ifdef __SANITIZE_THREAD__
    constexpr int kStride = 7;
#else
    constexpr int kStride = 1;
#endif
    for (const auto kind : {fakes::Mishap::Kind::power_cut, fakes::Mishap::Kind::kill}) {
      int cuts = 0;
      for (int at = 1;; at += kStride) {
        CAPTURE(at);
        Site site;
        issue(site.host, {site.www(), Keep::alive, {}});
        const fakes::ChildEnd end = fakes::run_in_child(site.root / "scratch", {kind, at, 0}, [&] {
          remove(site.host, {kWww, OnRemoval::revoke, Keys::destroy});
        });
        if (end.how == fakes::ChildEnd::How::done) break;
        REQUIRE(end.how == fakes::ChildEnd::How::cut);
        ++cuts;
        inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_only, site.now);
        const bool asked = !inventory::Intents(store).open_for(kWww).empty();
        const bool known = inventory::Managed(store).find(kWww).has_value();
        const bool defined = config::where_defined(site.host.files, kWww) == config::DefinedIn::fragment;
        CHECK((defined || asked || !known));  // the wish comes before what it takes away
        if (known && !asked) {                // the power went before anything was recorded: it is as it was
          CHECK(defined);
          remove(site.host, {kWww, OnRemoval::revoke, Keys::destroy});
        } else {
          CHECK(renew(site.host, {}).exit_code() == 0);
        }
        CHECK_FALSE(inventory::Managed(store).find(kWww));
        CHECK_FALSE(std::filesystem::exists(site.root / "tls/privkey.pem"));
        CHECK_FALSE(std::filesystem::exists(site.host.state + "/archive/www/1/privkey.pem"));
        const base::Bytes der = base::read_file(site.host.state + "/authorities/corp/crl.der", 1 << 20);
        CHECK(pki::Crl::parse(der).entries.size() == 1);
      }
      CHECK(cuts > 5 / kStride);
    }
  }

  TEST_CASE("any exception ends at its subject") {
    Site site;
    for (const char* name : {"a", "b", "c"}) {
      config::Certificate certificate = site.www();
      certificate.name = Name::parse(name);
      certificate.deployments.clear();
      issue(site.host, {certificate, Keep::alive, {}});
    }
    site.now += days(85);
    Host host = site.host;
    host.progress = [](const Progress& progress) {
      if (progress.subject == "certificate/b") throw std::runtime_error("a fault of ours");
    };
    const Verdict verdict = renew(host, {});
    CHECK(verdict.exit_code() == 4);
    CHECK(verdict.renewed == 2);
    const archive::Archive archive(site.host.state);
    CHECK(archive.live(Name::parse("a")) == 2);
    CHECK(archive.live(Name::parse("c")) == 2);
  }

  TEST_CASE("what was completed for other names is taken for what it is") {
    Site site;
    issue(site.host, {site.www(), Keep::alive, {}});
    renew(site.host, {{kWww}, Force::yes});
    {
      // The state of a run that was killed between the archive and its commit.
      inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_write, site.now);
      inventory::Versions versions(store);
      versions.set_live(kWww, 1);
      auto version = *versions.find(kWww, 2);
      version.state = inventory::VersionState::pending;
      version.certificate.reset();
      version.chain.clear();
      version.not_before = version.not_after = version.renew_at = std::nullopt;
      versions.put(version);
    }
    config::Certificate other = site.www();
    other.identifiers = {pki::Identifier::parse("other.example.org")};
    config::write_change(site.host.files,
                         config::plan_change(site.host.files, {}, kWww, config::fragment_of(other).options,
                                             config::Existing::replaced, config_kinds({Name::parse("corp")})));
    CHECK(renew(site.host, {}).exit_code() == 0);
    const int live = site.live();
    const auto version = archive::Archive(site.host.state).read(kWww, live);
    REQUIRE(version);
    CHECK(pki::covers(version->chain.front().names(), other.identifiers));
    CHECK(plans_nothing(site));
  }

  TEST_CASE("a wake-up at any moment of a run is honoured by it, or the next is due at once") {
    struct Wish {
      const char* what;
      std::function<void(inventory::Store& store, Time now)> ask;
      std::function<bool(const Site& site)> is_done;
    };
    const auto add = [](inventory::Store& store, inventory::IntentKind kind, std::optional<int> version, Time now) {
      inventory::IntentRecord intent;
      intent.kind = kind;
      intent.subject = kWww;
      intent.version = version;
      intent.reason = pki::RevocationReason::superseded;
      intent.created = now;
      inventory::Intents(store).add(intent);
    };
    const auto complete = [](inventory::Store& store) {
      return std::ranges::count_if(inventory::Versions(store).of(kWww),
                                   [](const auto& one) { return one.certificate.has_value(); });
    };
    std::ptrdiff_t before = 0;
    const Wish wishes[] = {
        {"another version",
         [&](inventory::Store& store, Time now) {
           before = complete(store);
           add(store, inventory::IntentKind::force_renew, std::nullopt, now);
         },
         [&](const Site& site) {
           inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_only, site.now);
           return complete(store) > before && site.live() == complete(store);
         }},
        {"a revocation", [&](inventory::Store& store, Time now) { add(store, inventory::IntentKind::revoke, 1, now); },
         [](const Site& site) { return site.versions().front().revoked_at.has_value(); }},
        {"a CRL",
         [](inventory::Store& store, Time now) {
           const auto version = inventory::Versions(store).find(kWww, 1);
           const auto record = inventory::Certificates(store).find(*version->certificate);
           inventory::Authorities(store).revoke(Name::parse("corp"), record->serial, now,
                                                pki::RevocationReason::superseded);
         },
         [](const Site& site) {
           const base::Bytes der = base::read_file(site.host.state + "/authorities/corp/crl.der", 1 << 20);
           return pki::Crl::parse(der).entries.size() == 1;
         }},
    };
    enum class Due { nothing, renewal };
    const int stride = std::getenv("EVERSEAL_EVERY_KILL") != nullptr ? 1 : 7;
    for (const Wish& wish : wishes)
      for (const Due due : {Due::nothing, Due::renewal})
        for (int at = 1;; at += stride) {
          CAPTURE(wish.what);
          CAPTURE(static_cast<int>(due));
          CAPTURE(at);
          Site site;
          issue(site.host, {site.www(), Keep::alive, {}});
          site.now = due == Due::renewal ? *site.versions().front().renew_at : site.now + minutes(1);
          inventory::Store other = inventory::Store::open(site.host.state, sql::Access::read_write, site.now);
          inventory::Subjects(other).wake_all("certificate", site.now);
          inventory::Subjects(other).wake_all("authority", site.now);
          // Whoever asks has a connection of his own, and is heard when the run lets go of the database: not waited
          // for.
          std::jthread asking;
          Moments moments(at, [&] {
            asking = std::jthread([&] {
              for (;;) try {
                  other.transaction([&] { wish.ask(other, site.now); });
                  return;
                } catch (const base::Error& error) {
                  if (error.fault() != base::Fault::busy) throw;
                }
            });
          });
          Host host = site.host;
          host.clock = [&] {
            moments.pass();
            return site.now;
          };
          moments.watch([&] { return renew(host, {}); });
          if (!moments.has_come()) break;
          asking.join();
          if (wish.is_done(site)) continue;
          CHECK(next_due(site) <= site.now);
          const Verdict next = renew(site.host, {});
          CHECK(wish.is_done(site));
          CHECK(next.look_again > site.now);
        }
  }
}

}  // namespace
