#include "plan/authority.h"

#include "plan/moment.h"

#include <doctest/doctest.h>

namespace {

using namespace everseal;
using namespace everseal::plan;
using std::chrono::days;

AuthorityFacts fresh() {
  AuthorityFacts facts;
  facts.record.name = Name::parse("corp");
  inventory::CrlRecord crl;
  crl.number = 1'799'000'000;
  crl.this_update = kNow - days(1);
  crl.next_update = kNow + days(6);
  facts.crl = crl;
  return facts;
}

TEST_SUITE("decisions about an authority") {
  TEST_CASE("a fresh CRL is looked at again when half of its life is over") {
    const auto decision = decide(fresh(), kNow);
    CHECK(decision.steps.empty());
    CHECK(decision.look_again == kNow + std::chrono::hours(60));
  }

  TEST_CASE("an authority whose intermediate waits for an offline root signs nothing until it is imported") {
    AuthorityFacts facts = fresh();
    facts.has_intermediate = false;
    facts.crl.reset();
    const auto decision = decide(facts, kNow);
    CHECK(decision.steps.empty());
    REQUIRE(decision.standing.size() == 1);
    CHECK(decision.standing.front().rule == Rule::no_intermediate);
    CHECK_FALSE(decision.look_again);
  }

  TEST_CASE("an authority that has ended by a clock that is not trusted is looked at again soon") {
    AuthorityFacts facts = fresh();
    facts.ends = kNow - days(1);
    CHECK_FALSE(decide(facts, kNow).look_again);
    facts.clock_problem = "the clock says another day";
    CHECK(decide(facts, kNow).look_again == kNow + kClockIsLookedAt);
  }

  TEST_CASE("a CRL is signed where none is, after a revocation, and when half of its life is over") {
    AuthorityFacts none = fresh();
    none.crl.reset();
    AuthorityFacts dirty = fresh();
    dirty.record.crl_dirty = true;
    AuthorityFacts lost = fresh();
    lost.crl_on_disk = false;
    AuthorityFacts old = fresh();
    old.crl->this_update = kNow - days(8);
    AuthorityFacts ahead = fresh();
    ahead.crl->this_update = kNow + days(1);
    ahead.crl->next_update = kNow + days(8);
    for (const auto& [facts, rule] :
         {std::pair(none, Rule::missing), std::pair(lost, Rule::lost), std::pair(dirty, Rule::crl_changed),
          std::pair(old, Rule::crl_due), std::pair(ahead, Rule::not_valid_yet)}) {
      const auto decision = decide(facts, kNow);
      REQUIRE(decision.steps.size() == 1);
      CHECK(std::holds_alternative<SignCrl>(decision.steps.front().action));
      CHECK(decision.steps.front().why.front().rule == rule);
      CHECK(decision.next(kNow) != nullptr);
    }
  }

  TEST_CASE("a CRL that begins with an authority of the future is not signed again and again") {
    AuthorityFacts facts = fresh();
    facts.crl->this_update = kNow + std::chrono::hours(3);
    facts.begins = kNow + std::chrono::hours(3);
    const auto decision = decide(facts, kNow);
    CHECK(decision.steps.empty());
    CHECK(decision.standing.front().rule == Rule::not_valid_yet);
    facts.record.crl_dirty = true;
    CHECK(decide(facts, kNow).steps.size() == 1);
    facts.record.crl_dirty = false;
    facts.begins = kNow + std::chrono::hours(2);
    CHECK(decide(facts, kNow).steps.size() == 1);
  }

  TEST_CASE("what an authority lacks stands whether something is due or not, and is the reason before all else") {
    AuthorityFacts facts = fresh();
    facts.missing = "its key is missing: bring it back from a backup";
    CHECK(decide(facts, kNow).steps.empty());
    CHECK(decide(facts, kNow).standing.front().text == facts.missing);
    facts.revocations_lost = true;
    CHECK(decide(facts, kNow).steps.front().why.front().text == facts.missing);
  }

  TEST_CASE("a CRL of the future waits for a clock that is to be trusted") {
    AuthorityFacts facts = fresh();
    facts.crl->this_update = kNow + days(1);
    facts.clock_problem = "the clock says 1970";
    const auto decision = decide(facts, kNow);
    CHECK(decision.next(kNow) == nullptr);
    CHECK(decision.steps.front().gate == Gate::clock_untrusted);
  }

  TEST_CASE("a CRL that lasts as long as its authority has no next, and one that ended signs none") {
    AuthorityFacts facts = fresh();
    facts.crl->this_update = kNow - days(8);
    facts.ends = facts.crl->next_update;
    CHECK(decide(facts, kNow).steps.empty());
    CHECK(decide(facts, kNow).look_again == facts.ends);

    facts.record.crl_dirty = true;
    CHECK(decide(facts, kNow).steps.size() == 1);
    const auto ended = decide(facts, *facts.ends);
    CHECK(ended.steps.empty());
    CHECK(ended.standing.front().rule == Rule::ended);
  }

  TEST_CASE("a failed signature waits for its back-off") {
    AuthorityFacts facts = fresh();
    facts.record.crl_dirty = true;
    inventory::AttemptRecord attempt;
    attempt.step = "crl";
    attempt.not_before = kNow + days(1);
    facts.attempts = {attempt};
    CHECK(decide(facts, kNow).next(kNow) == nullptr);
    CHECK(decide(facts, kNow).look_again == kNow + days(1));
  }

  TEST_CASE("a new CRL is published, and never an older one again") {
    AuthorityFacts facts = fresh();
    config::Deployment target;
    target.name = Name::parse("web");
    target.type = "files";
    facts.publish.push_back(target);
    auto decision = decide(facts, kNow);
    REQUIRE(decision.steps.size() == 1);
    CHECK(describe(decision.steps.front().action) == "deploy version 1799000000 to web");

    inventory::DeploymentRecord record;
    record.target = target.name;
    record.spec_hash = config::deployment_hash(target);
    record.version = 1'799'000'000;
    record.previous = 1'798'000'000;
    record.state = inventory::DeploymentState::reloaded;
    record.after = inventory::Served::other;
    facts.deployments = {record};
    decision = decide(facts, kNow);
    REQUIRE(decision.steps.size() == 1);
    CHECK(describe(decision.steps.front().action) == "verify web");
  }
}

}  // namespace
