#include "inventory/clock.h"

#include "base/file.h"
#include "contains.h"
#include "fakes/acme_server.h"
#include "inventory/authorities.h"
#include "reconcile/doctor.h"
#include "reconcile/overview.h"
#include "reconcile/plan.h"
#include "reconcile/site.h"
#include "reconcile/verbs/accept_clock.h"
#include "reconcile/verbs/rollback.h"
#include "reconcile/verbs/ca_crl.h"
#include "reconcile/verbs/issue.h"
#include "reconcile/verbs/renew.h"
#include "reconcile/verbs/verify.h"

#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace {

using namespace everseal;
using namespace everseal::reconcile;
using std::chrono::days;

TEST_CASE("a CA that says it is another day is noticed by the run, and nobody signs until one of the two is right") {
  fakes::AcmeServer ca;
  Site site;
  site.host.machine = [] { return base::MachineClock{.boot_id = "a", .since_boot = base::Seconds(1000)}; };
  std::ofstream(site.root / "config/everseal.toml")
      << fmt::format("config_version = 1\n[issuer.acme]\ntype = \"acme\"\ndirectory = \"{}\"\nca_file = \"{}\"\n",
                     ca.directory_url(), ca.ca_file());
  site.now += days(2);
  REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
  config::Certificate elsewhere = site.www();
  elsewhere.name = Name::parse("elsewhere");
  elsewhere.deployments.clear();
  elsewhere.issuers = {Name::parse("acme")};
  CHECK(issue(site.host, {elsewhere, Keep::alive, {}}).exit_code() == 1);
  CHECK(ca.orders_placed() == 0);

  const Verdict verdict = renew(site.host, {});
  CHECK(
      std::ranges::any_of(verdict.outcomes, [](const Outcome& one) { return one.facts.fault == base::Fault::clock; }));
  CHECK(site.events("clock.distrusted") == 1);
  renew(site.host, {{Name::parse("www")}, Force::yes});
  CHECK(site.versions().size() == 1);
  const auto planned = reconcile::plan(site.host, {Name::parse("www")}).front();
  REQUIRE_FALSE(planned.steps.empty());
  CHECK(planned.steps.front().gate == plan::Gate::clock_untrusted);
  {
    inventory::Store store = open_store(site.host, sql::Access::read_only);
    const base::Problems problems = overview(site.host, store).problems;
    CHECK(std::ranges::count(problems, "store", &base::Problem::subject) == 1);
  }
  // A revocation is done, and that no new version follows is said.
  const Verdict revoked = revoke(site.host, revocation_of_www(pki::RevocationReason::key_compromise));
  CHECK(revoked.exit_code() == 4);
  CHECK(
      std::ranges::any_of(revoked.outcomes, [](const Outcome& one) { return one.facts.fault == base::Fault::clock; }));

  site.now -= days(2);
  CHECK(renew(site.host, {{Name::parse("www")}, Force::no}).exit_code() == 0);
  CHECK(site.versions().size() == 2);
}

TEST_CASE("a CRL that a clock which was ahead began is told, and signed anew under the right one") {
  Site site;
  REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
  site.now += days(30);
  REQUIRE(ca_crl(site.host, Name::parse("corp")).exit_code() == 0);
  site.now -= days(30);
  const auto complaints = [&] {
    std::vector<std::string> rules;
    for (const Complaint& one : examine(site.host)) rules.push_back(one.rule);
    return rules;
  };
  CHECK(std::ranges::count(complaints(), "crl-ahead") == 1);
  const auto planned = reconcile::plan(site.host, {});
  const auto authority = std::ranges::find(planned, "authority/corp", &PlannedSubject::subject);
  REQUIRE(authority != planned.end());
  REQUIRE_FALSE(authority->steps.empty());
  CHECK(authority->steps.front().why.front().rule == plan::Rule::not_valid_yet);
  CHECK(authority->steps.front().gate == plan::Gate::clock_untrusted);

  // Nobody was revoked; and a CRL is signed anew once, however often the clock is accepted.
  for (const bool is_first : {true, false}) {
    CAPTURE(is_first);
    accept_clock_verb.run(site.host, {});
    const auto then = reconcile::plan(site.host, {});
    const auto corp = std::ranges::find(then, "authority/corp", &PlannedSubject::subject);
    REQUIRE(corp != then.end());
    REQUIRE(corp->steps.empty() != is_first);
    if (is_first) CHECK(corp->steps.front().why.front().rule == plan::Rule::not_valid_yet);
    CHECK(renew(site.host, {}).exit_code() == 0);
    CHECK(std::ranges::count(complaints(), "crl-ahead") == 0);
  }
}

TEST_CASE("an authority that had ended by a clock that was ahead signs CRLs again under the right one") {
  for (const bool accepted : {false, true}) {
    CAPTURE(accepted);
    Site site;
    const auto crl_ends = [&] {
      inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_only, site.now);
      return inventory::Authorities(store).newest_crl(Name::parse("corp"))->next_update;
    };
    REQUIRE(renew(site.host, {}).exit_code() == 0);
    const Time right = site.now;
    site.now += days(30 * 365);
    renew(site.host, {});
    site.now = right;
    if (accepted) accept_clock_verb.run(site.host, {});
    renew(site.host, {});
    site.now += days(5);
    if (accepted) accept_clock_verb.run(site.host, {});
    site.host.machine = [&] { return base::MachineClock{.boot_id = {}, .since_boot = {}, .synchronised = site.now}; };
    renew(site.host, {});
    CHECK(crl_ends() == site.now + days(7));
  }
}

TEST_CASE("an authority that a clock which was ahead made is told, and signs no CRL after the other") {
  Site site;
  REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
  REQUIRE(renew(site.host, {}).exit_code() == 0);
  site.now -= std::chrono::hours(3);
  accept_clock_verb.run(site.host, {});
  for (int run = 0; run < 3; ++run) renew(site.host, {});
  CHECK(site.events("crl.signed") <= 2);
  inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_only, site.now);
  const Overview all = overview(site.host, store);
  CHECK(all.authorities.front().state.state == plan::State::needs_operator);
  CHECK(all.certificates.front().state.attention == plan::Attention::needed);
}

TEST_CASE("nobody goes back to a version that is not valid yet") {
  Site site;
  REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
  site.now += std::chrono::hours(3);
  REQUIRE(renew(site.host, {{Name::parse("www")}, Force::yes}).exit_code() == 0);
  site.now -= std::chrono::hours(3);
  accept_clock_verb.run(site.host, {});
  renew(site.host, {});
  REQUIRE(site.live() == 1);
  CHECK_THROWS_AS(rollback(site.host, {Name::parse("www"), 2}), base::Error);
  CHECK(site.live() == 1);
}

TEST_CASE("a version that a clock which was ahead made is told and replaced under the right one") {
  for (const bool deploys : {true, false}) {
    CAPTURE(deploys);
    Site site;
    config::Certificate www = site.www();
    if (!deploys) www.deployments.clear();
    REQUIRE(issue(site.host, {www, Keep::alive, {}}).exit_code() == 0);
    const Time right = site.now;
    // What was in use before loses its key to `keep`.
    site.now += days(400);
    accept_clock_verb.run(site.host, {});
    renew(site.host, {});
    renew(site.host, {{www.name}, Force::yes});
    renew(site.host, {{www.name}, Force::yes});
    REQUIRE_FALSE(site.versions().front().has_key);
    const int ahead = site.live();
    site.now = right + std::chrono::hours(1);
    accept_clock_verb.run(site.host, {});

    const auto managed = [&] {
      inventory::Store store = inventory::Store::open(site.host.state, sql::Access::read_only, site.now);
      return overview(site.host, store).certificates;
    };
    const auto is_complaint = [](const Complaint& one) { return one.rule == "version-ahead"; };
    CHECK(managed().front().state.attention == plan::Attention::needed);
    CHECK_MESSAGE(contains(managed().front().state.why, fmt::format("version {} is in use and valid from", ahead)),
                  managed().front().state.why);
    CHECK(std::ranges::count_if(examine(site.host), is_complaint) == 1);
    const auto planned = reconcile::plan(site.host, {www.name}).front();
    CHECK(std::ranges::any_of(planned.steps, [&](const auto& one) {
      return contains(one.text, fmt::format("issue version {}", ahead + 1));
    }));

    const Verdict verdict = renew(site.host, {});
    CHECK(verdict.exit_code() == 0);
    CHECK(site.live() == ahead + 1);
    CHECK(*site.versions().back().not_before <= site.now);
    CHECK_MESSAGE(managed().front().state.attention == plan::Attention::none, managed().front().state.why);
    CHECK(std::ranges::count_if(examine(site.host), is_complaint) == 0);
    CHECK(renew(site.host, {}).outcomes.empty());
    CHECK(site.live() == ahead + 1);
  }
}

TEST_CASE("under a clock that is behind the last run, a version goes back that is right by both, and no other") {
  struct Row {
    days ahead;
    int live;
  };
  for (const Row& row : {Row{days(20), 1}, Row{days(400), 2}}) {
    CAPTURE(row.ahead.count());
    Site site;
    REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
    const Time right = site.now;
    site.now += row.ahead;
    accept_clock_verb.run(site.host, {});
    REQUIRE(renew(site.host, {{Name::parse("www")}, Force::yes}).exit_code() == 0);
    REQUIRE(site.live() == 2);
    site.now = right + std::chrono::hours(1);

    const auto ready = [&] {
      const auto planned = reconcile::plan(site.host, {Name::parse("www")}).front();
      return std::ranges::count(planned.steps, plan::Gate::open, &PlannedStep::gate);
    };
    CHECK((ready() > 0) == (row.live == 1));
    CHECK(renew(site.host, {}).exit_code() != 0);
    CHECK(ready() == 0);
    CHECK(site.live() == row.live);
    const auto chain_in = [](const std::string& directory) {
      return base::read_file(directory + "/fullchain.pem", 1 << 16);
    };
    CHECK(chain_in(site.root / "tls") == chain_in(fmt::format("{}/archive/www/{}", site.host.state, row.live)));
    CHECK((verify(site.host, {{Name::parse("www")}}).exit_code() == 0) == (row.live == 1));
  }
}

TEST_CASE("verify does not end well for what is refused for its time") {
  Site site;
  REQUIRE(issue(site.host, {site.www(), Keep::alive, {}}).exit_code() == 0);
  const Time right = site.now;
  const auto is_verified = [&] { return verify(site.host, {{Name::parse("www")}}).exit_code() == 0; };
  CHECK(is_verified());
  site.now = right - days(2);
  CHECK_FALSE(is_verified());
  accept_clock_verb.run(site.host, {});
  CHECK_FALSE(is_verified());
  site.now = right + days(400);
  accept_clock_verb.run(site.host, {});
  CHECK_FALSE(is_verified());
}

}  // namespace
