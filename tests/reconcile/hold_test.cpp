// A rollback by hand holds a version: everybody sees that, and can end it.
#include "contains.h"
#include "inventory/managed.h"
#include "reconcile/doctor.h"
#include "reconcile/overview.h"
#include "reconcile/plan.h"
#include "reconcile/site.h"
#include "reconcile/verbs/cancel.h"
#include "reconcile/verbs/deploy.h"
#include "reconcile/verbs/renew.h"
#include "reconcile/verbs/revoke.h"
#include "reconcile/verbs/rollback.h"

#include <doctest/doctest.h>

namespace {

using namespace everseal;
using namespace everseal::reconcile;

const Name kHeldName = Name::parse("www");
const std::string kStaysInUse = "version 1 stays in use";
const std::string kHold = "the hold on version 1, which a rollback asked for";

// Version 1 is held, version 2 is newer.
struct HeldSite : Site {
  HeldSite() {
    issue(host, {www(), Keep::alive, {}});
    renew(host, {{kHeldName}, Force::yes});
    rolled_back = rollback(host, {kHeldName, std::nullopt});
    REQUIRE(live() == 1);
  }

  std::optional<int> pinned() const {
    inventory::Store store = inventory::Store::open(host.state, sql::Access::read_only, now);
    return inventory::Managed(store).find(kHeldName)->pinned;
  }
  plan::StandingState state() const {
    inventory::Store store = inventory::Store::open(host.state, sql::Access::read_only, now);
    return overview(host, store).certificates.front().state;
  }
  std::string standing() const {
    const auto planned = reconcile::plan(host, {kHeldName});
    for (const plan::Reason& reason : planned.front().standing)
      if (reason.rule == plan::Rule::held) return reason.text;
    return {};
  }
  bool doctor_tells() const {
    return std::ranges::any_of(examine(host), [](const Complaint& one) { return one.rule == "hold-lost"; });
  }

  Verdict rolled_back;
};

bool outcome_tells(const Verdict& verdict, std::string_view step, std::string_view text) {
  return std::ranges::any_of(verdict.outcomes,
                             [&](const Outcome& one) { return one.step == step && contains(one.text, text); });
}

TEST_SUITE("hold") {
  TEST_CASE_FIXTURE(HeldSite, "a hold is told by the rollback, the plan and the listing, with what ends it") {
    CHECK(outcome_tells(rolled_back, "rollback", kStaysInUse));
    CHECK(outcome_tells(rolled_back, "rollback", "`everseal rollback www --cancel`"));
    CHECK(contains(standing(), kStaysInUse));
    CHECK(contains(standing(), "`everseal deploy www`"));
    CHECK(state().state == plan::State::live);
    CHECK(state().attention == plan::Attention::none);
    CHECK(contains(state().why, kStaysInUse));
    CHECK_FALSE(doctor_tells());
  }

  TEST_CASE_FIXTURE(HeldSite, "deploy ends a hold and says so, once") {
    CHECK(outcome_tells(deploy(host, {kHeldName}), "cancel", kHold));
    CHECK(live() == 2);
    CHECK(standing().empty());
    CHECK(state().why.empty());
    CHECK_FALSE(outcome_tells(deploy(host, {kHeldName}), "cancel", kHold));
    CHECK(events("certificate.unpinned") == 1);
  }

  TEST_CASE_FIXTURE(HeldSite, "a hold is withdrawn like any other wish, and the next run uses the newest version") {
    CHECK(outcome_tells(cancel(host, {kHeldName, inventory::IntentKind::rollback}), "cancel", kHold));
    CHECK(pinned() == std::nullopt);
    CHECK(live() == 1);
    CHECK(renew(host, {}).exit_code() == 0);
    CHECK(live() == 2);
    CHECK_THROWS_AS(cancel(host, {kHeldName, inventory::IntentKind::rollback}), base::Error);
  }

  TEST_CASE_FIXTURE(HeldSite, "what is withdrawn of another kind ends no hold") {
    CHECK_THROWS_AS(cancel(host, {kHeldName, inventory::IntentKind::revoke}), base::Error);
    CHECK(pinned() == 1);
  }

  TEST_CASE_FIXTURE(HeldSite, "a newer version ends a hold, and its outcome says so") {
    CHECK(outcome_tells(renew(host, {{kHeldName}, Force::yes}), "issue", kHold));
    CHECK(live() == 3);
    CHECK(pinned() == std::nullopt);
  }

  TEST_CASE_FIXTURE(HeldSite, "a hold whose key goes ends with a new version, and that is told") {
    std::filesystem::remove(host.state + "/archive/www/1/privkey.pem");
    CHECK(outcome_tells(renew(host, {}), "issue", kHold));
    CHECK(live() == 3);
    CHECK(standing().empty());
  }

  TEST_CASE_FIXTURE(HeldSite, "a hold ends with the revocation of its version") {
    CHECK(outcome_tells(revoke(host, revocation_of_www()), "issue", kHold));
    CHECK(pinned() == std::nullopt);
    CHECK(live() == 3);
  }

  TEST_CASE_FIXTURE(HeldSite,
                    "a hold that cannot be kept is told by the plan, the listing and doctor until somebody ends it") {
    {
      inventory::Store store = inventory::Store::open(host.state, sql::Access::read_write, now);
      inventory::VersionRecord version = *inventory::Versions(store).find(kHeldName, 1);
      version.revoked_at = now;  // at another CA, as a manifest told
      inventory::Versions(store).put(version);
    }
    for (int i = 0; i < 2; ++i) {
      CHECK(contains(standing(),
                     "version 1 was to stay in use after a rollback and is revoked, so version 2 is in its place"));
      CHECK(state().state == plan::State::needs_operator);
      CHECK(contains(state().why, "`everseal rollback www --cancel`"));
      CHECK(doctor_tells());
      renew(host, {.names = {kHeldName}});
    }
    CHECK(outcome_tells(cancel(host, {kHeldName, std::nullopt}), "cancel", kHold));
    CHECK(standing().empty());
    CHECK(state().state == plan::State::live);
    CHECK_FALSE(doctor_tells());
  }

  TEST_CASE("what tries a failed deployment again while a version is held ends no hold") {
    Site site;
    config::Certificate wanted = site.www({}, {"127.0.0.1:1"});
    wanted.deployments.front().verify_timeout = std::chrono::seconds(1);
    const Verdict issued = issue(site.host, {wanted, Keep::alive, {}});
    const auto hints = [](const Verdict& verdict) {
      std::string all;
      for (const Outcome& one : verdict.outcomes) all += one.facts.hint + "\n";
      return all;
    };
    const auto complaints = [&] {
      std::string all;
      for (const Complaint& one : examine(site.host)) all += one.remedy + "\n";
      return all;
    };
    CHECK(contains(hints(issued), "`everseal deploy www`"));
    renew(site.host, {{kHeldName}, Force::yes});
    CHECK(contains(complaints(), "everseal deploy www`"));
    const Verdict held = rollback(site.host, {kHeldName, std::nullopt});
    REQUIRE(site.live() == 1);
    CHECK(contains(hints(held), "`everseal renew www`"));
    CHECK_FALSE(contains(hints(held), "everseal deploy"));
    CHECK(contains(complaints(), "everseal renew www`"));
    CHECK_FALSE(contains(complaints(), "everseal deploy"));
    std::filesystem::remove(site.root.path() + "/tls/privkey.pem");
    CHECK_FALSE(contains(complaints(), "everseal deploy"));
    renew(site.host, {.names = {kHeldName}});
    CHECK(site.live() == 1);
    CHECK(std::filesystem::exists(site.root.path() + "/tls/privkey.pem"));
  }
}

}  // namespace
