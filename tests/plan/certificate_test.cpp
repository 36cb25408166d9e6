#include "plan/certificate.h"

#include "plan/moment.h"

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace {

using namespace everseal;
using namespace everseal::plan;
using everseal::base::from_unix;
using inventory::DeploymentRecord;
using inventory::DeploymentState;
using inventory::IntentKind;
using inventory::Served;
using inventory::VersionState;
using std::chrono::days;
using std::chrono::minutes;

config::Certificate wanted() {
  config::Certificate certificate;
  certificate.name = name("www");
  certificate.identifiers = {pki::Identifier::parse("www.example.org")};
  certificate.issuers = {name("corp"), name("spare")};
  config::Deployment target;
  target.name = name("nginx");
  target.type = "files";
  target.verification = config::Verification::probe;
  target.verify = {{.connect = "127.0.0.1:443", .sni = "", .starttls = "", .all_addresses = false}};
  certificate.deployments.push_back(std::move(target));
  return certificate;
}

VersionFacts version(int number, VersionState state) {
  VersionFacts facts;
  facts.record.name = name("www");
  facts.record.number = number;
  facts.record.state = state;
  facts.record.issuer = name("corp");
  facts.record.spec_hash = config::issuance_hash(wanted());
  if (state != VersionState::pending) {
    facts.record.certificate = pki::Fingerprint{};
    facts.record.not_before = kNow - days(30);
    facts.record.not_after = kNow + days(60);
    facts.record.renew_at = kNow + days(30);
  }
  facts.names_match = true;
  return facts;
}

DeploymentRecord deployed(std::int64_t number, DeploymentState state) {
  DeploymentRecord record;
  record.owner = name("www");
  record.target = name("nginx");
  record.spec_hash = config::deployment_hash(wanted().deployments.front());
  record.version = number;
  record.current = number;
  record.state = state;
  return record;
}

// A certificate whose version 2 is live, verified and not due.
CertificateFacts settled() {
  CertificateFacts facts;
  facts.wanted = wanted();
  facts.versions = {version(1, VersionState::retired), version(2, VersionState::live)};
  facts.deployments = {deployed(2, DeploymentState::verified)};
  facts.live_link = 2;
  return facts;
}

inventory::IntentRecord intent(IntentKind kind, std::optional<int> number = std::nullopt) {
  inventory::IntentRecord record;
  record.id = 7;
  record.kind = kind;
  record.subject = name("www");
  record.version = number;
  return record;
}

inventory::AttemptRecord failed_at(std::string_view issuer, int count, Time not_before) {
  inventory::AttemptRecord attempt;
  attempt.step = "issue";
  attempt.subject = "certificate/www";
  attempt.target = issuer;
  attempt.count = count;
  attempt.not_before = not_before;
  attempt.problem = "refused";
  return attempt;
}

std::vector<std::string> steps(const CertificateFacts& facts) {
  std::vector<std::string> texts;
  for (const auto& step : decide(facts, kNow).steps) texts.push_back(describe(step.action));
  return texts;
}

using Texts = std::vector<std::string>;

TEST_SUITE("decisions about a certificate") {
  TEST_CASE("a settled certificate needs nothing and is looked at again when its renewal is due") {
    const auto decision = decide(settled(), kNow);
    CHECK(decision.steps.empty());
    CHECK(decision.look_again == kNow + days(30));
    REQUIRE(decision.standing.size() == 1);
    CHECK(decision.standing.front().rule == Rule::nothing_due);
  }

  TEST_CASE("a version that a person wants replaced is not deployed once more, unless the next one does not come") {
    struct Row {
      const char* title;
      void (*change)(CertificateFacts&);
      Texts plain, forced;         // what is to be done, and what where a renewal is asked for
      const char* without_issuer;  // what of that is done first where no issuer can be asked
    };
    const char* const issue = "issue version 3 at corp";
    const Row rows[] = {
        {"it is in place", [](CertificateFacts&) {}, {}, {issue}, nullptr},
        {"its deployment failed",
         [](CertificateFacts& f) { f.deployments[0].state = DeploymentState::failed; },
         {"deploy version 2 to nginx"},
         {issue, "deploy version 2 to nginx"},
         "deploy version 2 to nginx"},
        {"the former one is there",
         [](CertificateFacts& f) { f.deployments[0].version = 1; },
         {"deploy version 2 to nginx"},
         {issue, "deploy version 2 to nginx"},
         "deploy version 2 to nginx"},
        {"nothing is there",
         [](CertificateFacts& f) { f.deployments.clear(); },
         {"deploy version 2 to nginx"},
         {issue, "deploy version 2 to nginx"},
         "deploy version 2 to nginx"},
        {"what was there is gone",
         [](CertificateFacts& f) { f.lost_targets = {name("nginx")}; },
         {"deploy version 2 to nginx"},
         {issue, "deploy version 2 to nginx"},
         "deploy version 2 to nginx"},
        {"it is staged",
         [](CertificateFacts& f) { f.deployments[0].state = DeploymentState::staged; },
         {"switch nginx to version 2"},
         {issue, "switch nginx to version 2"},
         "switch nginx to version 2"},
        {"it was not seen to be served",
         [](CertificateFacts& f) { f.deployments[0].state = DeploymentState::unverified; },
         {"verify nginx"},
         {issue, "verify nginx"},
         "verify nginx"},
        {"the switch is under way",
         [](CertificateFacts& f) { f.deployments[0].state = DeploymentState::switched; },
         {"reload nginx"},
         {"reload nginx", issue},
         "reload nginx"},
        {"the look is under way",
         [](CertificateFacts& f) { f.deployments[0].state = DeploymentState::reloaded; },
         {"verify nginx"},
         {"verify nginx", issue},
         "verify nginx"},
        {"the live link is lost",
         [](CertificateFacts& f) { f.live_link.reset(); },
         {"make version 2 live"},
         {"make version 2 live", issue},
         "make version 2 live"},
    };
    for (const Row& row : rows) {
      CAPTURE(row.title);
      CertificateFacts facts = settled();
      row.change(facts);
      CHECK(steps(facts) == row.plain);
      facts.intents = {intent(IntentKind::force_renew)};
      CHECK(steps(facts) == row.forced);
      facts.attempts = {failed_at("corp", 1, kNow + days(1))};
      const auto decision = decide(facts, kNow);
      const auto* const next = decision.next(kNow);
      CHECK((next == nullptr ? std::string() : describe(next->action)) ==
            (row.without_issuer == nullptr ? "" : row.without_issuer));
    }
  }

  TEST_CASE("each rule that asks for a new version gives its reason") {
    struct Row {
      const char* title;
      void (*change)(CertificateFacts&);
      Rule rule;
    };
    const Row rows[] = {
        {"nothing was issued",
         [](CertificateFacts& f) {
           f.versions.clear();
           f.deployments.clear();
           f.live_link.reset();
         },
         Rule::missing},
        {"an interrupted issue",
         [](CertificateFacts& f) {
           f.versions.push_back(version(3, VersionState::pending));
           f.intents = {intent(IntentKind::force_renew)};
         },
         Rule::interrupted},
        {"other names",
         [](CertificateFacts& f) { f.wanted.identifiers.push_back(pki::Identifier::parse("example.org")); },
         Rule::specification_changed},
        {"another key type", [](CertificateFacts& f) { f.wanted.key = pki::KeyType::ed25519; },
         Rule::specification_changed},
        {"its issuer left", [](CertificateFacts& f) { f.wanted.issuers = {Name::parse("spare")}; }, Rule::issuer_left},
        {"revoked", [](CertificateFacts& f) { f.versions.back().record.revoked_at = kNow; }, Rule::revoked},
        {"renewal due", [](CertificateFacts& f) { f.versions.back().record.renew_at = kNow; }, Rule::renewal_due},
        {"asked for", [](CertificateFacts& f) { f.intents = {intent(IntentKind::force_renew)}; }, Rule::requested},
    };
    for (const Row& row : rows) {
      CAPTURE(row.title);
      CertificateFacts facts = settled();
      row.change(facts);
      const auto decision = decide(facts, kNow);
      const auto* const step = decision.next(kNow);
      REQUIRE(step != nullptr);
      CHECK(std::holds_alternative<Issue>(step->action));
      CHECK(step->why.front().rule == row.rule);
    }
  }

  TEST_CASE("an issued version is put in place and never ordered again") {
    CertificateFacts facts = settled();
    facts.versions.push_back(version(3, VersionState::issued));
    CHECK(steps(facts) == Texts{"make version 3 live", "deploy version 3 to nginx"});
    facts.versions.back().record.state = VersionState::live;
    facts.versions[1].record.state = VersionState::retired;
    facts.live_link = 3;
    facts.deployments = {deployed(3, DeploymentState::failed)};
    facts.deployments.front().not_before = kNow + minutes(10);
    const auto decision = decide(facts, kNow);
    REQUIRE(decision.steps.size() == 1);
    CHECK(decision.steps.front().gate == Gate::backing_off);
    CHECK(decision.next(kNow) == nullptr);
    CHECK(decision.look_again == kNow + minutes(10));
    CHECK(describe(decision.next(kNow + minutes(10))->action) == "deploy version 3 to nginx");
  }

  TEST_CASE("a revoked or expired version is replaced before anything of it is deployed") {
    for (const bool expired : {false, true}) {
      CertificateFacts facts = settled();
      facts.deployments.clear();
      if (expired)
        facts.versions.back().record.not_after = facts.versions.back().record.renew_at = kNow - days(1);
      else
        facts.versions.back().record.revoked_at = kNow;
      CHECK(steps(facts) == Texts{"issue version 3 at corp"});
    }
  }

  TEST_CASE("a deployment goes on from the state in which it was left") {
    struct Row {
      DeploymentState state;
      Served after;
      Texts steps;
    };
    const Row rows[] = {
        {DeploymentState::staged, Served::unknown, {"switch nginx to version 2"}},
        {DeploymentState::switched, Served::unknown, {"reload nginx"}},
        {DeploymentState::reloaded, Served::unknown, {"verify nginx"}},
        {DeploymentState::reloaded, Served::previous, {"roll nginx back to version 1"}},
        {DeploymentState::reloaded, Served::other, {"roll nginx back to version 1"}},
        {DeploymentState::unverified, Served::unreachable, {"verify nginx"}},
        {DeploymentState::failed, Served::previous, {"deploy version 2 to nginx"}},
        {DeploymentState::verified, Served::wanted, {}},
        {DeploymentState::unverifiable, Served::unknown, {}},
    };
    for (const Row& row : rows) {
      CAPTURE(to_string(row.state));
      CertificateFacts facts = settled();
      facts.deployments.front().state = row.state;
      facts.deployments.front().after = row.after;
      facts.deployments.front().previous = 1;
      CHECK(steps(facts) == row.steps);
    }
  }

  TEST_CASE("a target whose configuration changed is deployed again") {
    CertificateFacts facts = settled();
    facts.deployments.front().spec_hash = "another";
    CHECK(steps(facts) == Texts{"deploy version 2 to nginx"});
  }

  TEST_CASE("rolling back needs a proof and a version worth going back to") {
    DeploymentRecord record = deployed(2, DeploymentState::switched);
    record.previous = 1;
    struct Row {
      const char* title;
      Served before, after;
      void (*change)(CertificateFacts&, DeploymentRecord&);
      bool allowed;
    };
    const auto nothing = [](CertificateFacts&, DeploymentRecord&) {};
    const Row rows[] = {
        {"the old leaf is still served", Served::previous, Served::previous, nothing, true},
        {"a third leaf is served", Served::previous, Served::other, nothing, true},
        {"the old leaf, though nothing answered before", Served::unreachable, Served::previous, nothing, true},
        {"the handshake worked and fails now", Served::previous, Served::handshake_failed, nothing, true},
        {"the service answered and is gone now", Served::other, Served::unreachable, nothing, true},
        {"down before and after", Served::unreachable, Served::unreachable, nothing, false},
        {"broken before and after", Served::handshake_failed, Served::handshake_failed, nothing, false},
        {"never looked before", Served::unknown, Served::unreachable, nothing, false},
        {"no previous", Served::previous, Served::previous,
         [](CertificateFacts&, DeploymentRecord& r) { r.previous.reset(); }, false},
        {"previous unknown", Served::previous, Served::previous,
         [](CertificateFacts&, DeploymentRecord& r) { r.previous = 9; }, false},
        {"previous expired", Served::previous, Served::previous,
         [](CertificateFacts& f, DeploymentRecord&) { f.versions[0].record.not_after = kNow; }, false},
        {"previous revoked", Served::previous, Served::previous,
         [](CertificateFacts& f, DeploymentRecord&) { f.versions[0].record.revoked_at = kNow; }, false},
        {"previous of other names", Served::previous, Served::previous,
         [](CertificateFacts& f, DeploymentRecord&) { f.versions[0].names_match = false; }, false},
    };
    for (const Row& row : rows) {
      CAPTURE(row.title);
      CertificateFacts facts = settled();
      DeploymentRecord changed = record;
      changed.before = row.before;
      row.change(facts, changed);
      CHECK(!against_rollback(facts, changed, row.after, kNow) == row.allowed);
    }
  }

  TEST_CASE("issuers are tried in order, the next after three failures, the soonest when all have failed") {
    CertificateFacts facts = settled();
    facts.versions.back().record.renew_at = kNow;
    const auto issuer = [&] { return std::get<Issue>(decide(facts, kNow).steps.front().action).issuer.text(); };
    facts.attempts = {failed_at("corp", 2, kNow)};
    CHECK(issuer() == "corp");
    facts.attempts = {failed_at("corp", 3, kNow + days(1))};
    CHECK(issuer() == "spare");
    facts.attempts = {failed_at("corp", 4, kNow + days(1)), failed_at("spare", 3, kNow + days(2))};
    CHECK(issuer() == "corp");
    CHECK(decide(facts, kNow).next(kNow) == nullptr);
  }

  TEST_CASE("what was begun is finished as long as something asks for it, and given up then") {
    CertificateFacts facts = settled();
    facts.versions.push_back(version(3, VersionState::pending));
    CHECK(steps(facts) == Texts{"give version 3 up, which was begun at corp"});
    CHECK(decide(facts, kNow).steps.front().why.front().rule == Rule::no_longer_wanted);
    CHECK(decide(facts, kNow).standing.front().rule == Rule::nothing_due);
    facts.renewal = Renewal::once;
    CHECK(steps(facts) == Texts{"give version 3 up, which was begun at corp"});
    facts.versions.back().is_signed = true;
    CHECK(steps(facts) == Texts{"issue version 3 at corp"});
    facts.renewal = Renewal::automatic;
    CHECK(steps(facts) == Texts{"issue version 3 at corp"});
    facts.versions.back().is_signed = false;
    facts.intents = {intent(IntentKind::force_renew)};
    CHECK(steps(facts) == Texts{"issue version 3 at corp"});
    const auto why = decide(facts, kNow).steps.front().why;
    REQUIRE(why.size() == 2);
    CHECK(why.back().rule == Rule::requested);
  }

  TEST_CASE("what an issuer signed already is finished with it") {
    CertificateFacts facts = settled();
    facts.versions.push_back(version(3, VersionState::pending));
    facts.versions.back().record.certificate = pki::Fingerprint{};
    facts.versions.back().record.issuer = name("spare");
    facts.attempts = {failed_at("spare", 1, kNow)};
    CHECK(steps(facts) == Texts{"issue version 3 at spare"});
    CHECK(decide(facts, kNow).next(kNow) != nullptr);
    // What fails again behind the issuer waits like any other failure.
    facts.attempts = {failed_at("spare", 2, kNow + days(1))};
    CHECK(decide(facts, kNow).next(kNow) == nullptr);
  }

  TEST_CASE("a revocation comes behind the replacement, waits for nothing, and ends with what it is about") {
    CertificateFacts facts = settled();
    facts.intents = {intent(IntentKind::revoke, 2)};
    CHECK(steps(facts) == Texts{"issue version 3 at corp", "revoke version 2 (unspecified)"});
    // Neither stops the other.
    facts.attempts = {failed_at("corp", 1, kNow + days(1))};
    CHECK(describe(decide(facts, kNow).next(kNow)->action) == "revoke version 2 (unspecified)");
    facts.attempts = {failed_at("corp", 1, kNow)};
    facts.attempts.push_back(facts.attempts.front());
    facts.attempts.back().step = "revoke";
    facts.attempts.back().target = "2";
    facts.attempts.back().not_before.reset();
    facts.attempts.back().needs_operator = true;
    const auto decision = decide(facts, kNow);
    CHECK(describe(decision.next(kNow)->action) == "issue version 3 at corp");
    CHECK(decision.steps.back().gate == Gate::needs_operator);
    CHECK(decision.steps.back().not_before == Time::max());
    // An old version needs no replacement.
    facts.attempts.clear();
    facts.intents = {intent(IntentKind::revoke, 1)};
    CHECK(steps(facts) == Texts{"revoke version 1 (unspecified)"});
    facts.versions.front().record.not_after = kNow;
    CHECK(steps(facts) == Texts{"give up what was asked for, as version 1 has expired"});
    facts.versions.front().record.revoked_at = kNow;
    CHECK(steps(facts) == Texts{"give up what was asked for, as version 1 is revoked"});
    // keyCompromise still takes the place of another reason.
    facts.intents.front().reason = pki::RevocationReason::key_compromise;
    facts.versions.front().record.not_after = kNow + days(1);
    CHECK(steps(facts) == Texts{"revoke version 1 (keyCompromise)"});
    facts.versions.front().record.revocation_reason = pki::RevocationReason::key_compromise;
    CHECK(steps(facts) == Texts{"give up what was asked for, as version 1 is revoked"});
    facts.intents = {intent(IntentKind::revoke, 9)};
    CHECK(steps(facts) == Texts{"give up what was asked for, as there is no version 9"});
  }

  TEST_CASE("what is asked for says who asked and when") {
    CertificateFacts facts = settled();
    facts.intents = {intent(IntentKind::force_renew)};
    facts.intents.front().actor = "dave";
    facts.intents.front().created = kNow - days(1);
    const std::string why = decide(facts, kNow).steps.front().why.front().text;
    CHECK(why.find("dave") != std::string::npos);
    CHECK(why.find(base::format_time(kNow - days(1))) != std::string::npos);
  }

  TEST_CASE("a pinned version that is revoked or has expired stays in use no longer") {
    for (const bool revoked : {true, false}) {
      CertificateFacts facts = settled();
      facts.pinned = 1;
      facts.live_link = 1;
      facts.versions[0].record.state = VersionState::live;
      facts.versions[1].record.state = VersionState::retired;
      facts.deployments = {deployed(1, DeploymentState::verified)};
      if (revoked)
        facts.versions[0].record.revoked_at = kNow;
      else
        facts.versions[0].record.not_after = kNow;
      const auto decision = decide(facts, kNow);
      CHECK(steps(facts) == Texts{"make version 2 live", "deploy version 2 to nginx"});
      CHECK(decision.standing.front().text.find("version 1 was to stay in use") != std::string::npos);
      // The newest one counts for the next renewal.
      facts.versions[1].record.revoked_at = kNow;
      CHECK(steps(facts) == Texts{"issue version 3 at corp"});
    }
  }

  TEST_CASE("a version whose validity has not begun waits while another is in use") {
    CertificateFacts facts = settled();
    facts.versions.front().record.has_key = false;
    facts.versions.push_back(version(3, VersionState::issued));
    facts.versions.back().record.not_before = kNow + kLongestWait;
    const auto decision = decide(facts, kNow);
    CHECK(decision.steps.empty());
    CHECK(decision.look_again == kNow + kLongestWait);
    CHECK(decision.standing.front().rule == Rule::not_valid_yet);
    CHECK(describe(decide(facts, kNow + kLongestWait).steps.front().action) == "make version 3 live");
    // It is the answer to whatever happens to the other: the next one would begin later still.
    for (const auto& spoil : std::vector<std::function<void(CertificateFacts&)>>{
             [](CertificateFacts& f) { f.versions[1].record.revoked_at = kNow; },
             [](CertificateFacts& f) { f.versions[1].on_disk = OnDisk::lost; },
             [](CertificateFacts& f) { f.versions[1].record.renew_at = kNow - days(1); },
             [](CertificateFacts& f) { f.intents = {intent(IntentKind::revoke, 2)}; }}) {
      CertificateFacts spoilt = facts;
      spoil(spoilt);
      const Texts wanted_steps = steps(spoilt);
      CHECK(std::ranges::none_of(wanted_steps, [](const std::string& text) { return text.starts_with("issue"); }));
    }
    // Unless it is no answer itself.
    CertificateFacts both = facts;
    both.versions[1].record.revoked_at = both.versions[2].record.revoked_at = kNow;
    CHECK(std::ranges::any_of(steps(both), [](const std::string& text) { return text.starts_with("issue"); }));
    // With nothing else there is nothing better to use.
    facts.versions.erase(facts.versions.begin(), facts.versions.begin() + 2);
    CHECK(steps(facts).front() == "make version 3 live");
    CHECK(decide(facts, kNow).standing.front().rule == Rule::not_valid_yet);
  }

  TEST_CASE("nobody waits for a version that a clock which was ahead made") {
    const auto ahead = [](base::Seconds by = days(400)) {
      CertificateFacts facts = settled();
      facts.versions.front().record.state = VersionState::retired;
      for (const int number : {3, 4}) {
        facts.versions.push_back(version(number, VersionState::retired));
        inventory::VersionRecord& record = facts.versions.back().record;
        record.created = kNow;  // as an accepted clock leaves it
        record.not_before = kNow + by;
        record.not_after = kNow + by + days(90);
        record.renew_at = kNow + by + days(60);
      }
      facts.versions.back().record.state = VersionState::live;
      facts.versions[1].record.state = VersionState::retired;
      facts.live_link = 4;
      return facts;
    };
    struct Row {
      const char* what;
      std::function<void(CertificateFacts&)> change;
      const char* wanted;  // the first step
      Rule rule;
    };
    const Row rows[] = {
        {"what was in use before is there", [](CertificateFacts&) {}, "make version 2 live", Rule::not_live},
        {"it is lost", [](CertificateFacts& f) { f.versions[1].on_disk = OnDisk::lost; }, "issue version 5 at corp",
         Rule::lost},
        {"it is revoked", [](CertificateFacts& f) { f.versions[1].record.revoked_at = kNow; },
         "issue version 5 at corp", Rule::revoked},
        {"nothing else is there",
         [](CertificateFacts& f) { f.versions.erase(f.versions.begin(), f.versions.begin() + 2); },
         "issue version 5 at corp", Rule::not_valid_yet},
    };
    for (const Row& row : rows)
      for (const base::Seconds by : {base::Seconds(days(400)), kLongestWait + base::Seconds(1)}) {
        CAPTURE(row.what);
        CAPTURE(by.count());
        CertificateFacts facts = ahead(by);
        row.change(facts);
        const auto decision = decide(facts, kNow);
        REQUIRE_FALSE(decision.steps.empty());
        const auto found =
            std::ranges::find_if(decision.steps, [&](const auto& one) { return describe(one.action) == row.wanted; });
        REQUIRE(found != decision.steps.end());
        CHECK(found->why.front().rule == row.rule);
        CHECK(found->gate == Gate::open);
      }
    // A renewal that is due is not held back for what is young in a future that was none.
    CertificateFacts due = ahead();
    due.versions[1].record.renew_at = kNow - days(1);
    const auto decision = decide(due, kNow);
    const auto issues = std::ranges::find_if(
        decision.steps, [](const auto& one) { return describe(one.action) == "issue version 5 at corp"; });
    REQUIRE(issues != decision.steps.end());
    CHECK(issues->not_before <= kNow);
  }

  TEST_CASE("a run that issued several versions for one reason issues no more") {
    CertificateFacts facts = settled();
    facts.versions.back().record.revoked_at = kNow;
    REQUIRE(decide(facts, kNow).next(kNow) != nullptr);
    facts.issued = true;
    const auto decision = decide(facts, kNow);
    CHECK(decision.next(kNow) == nullptr);
    CHECK(decision.look_again > kNow);
    CHECK(decision.steps.front().why.back().rule == Rule::renewed_too_often);
  }

  TEST_CASE("what is gone from the disk is made again, and told in the words of the step") {
    CertificateFacts facts = settled();
    CHECK(loss(facts, kNow) == "");
    const auto check = [&](const Texts& wanted_steps, Rule rule) {
      CHECK(steps(facts) == wanted_steps);
      const Reason reason = decide(facts, kNow).steps.front().why.front();
      CHECK(reason.rule == rule);
      CHECK(loss(facts, kNow) == reason.text);
    };
    facts.live_link.reset();
    check({"make version 2 live"}, Rule::not_live);
    facts.live_link = 1;
    check({"make version 2 live"}, Rule::not_live);
    facts.live_link = 2;
    facts.lost_targets = {name("nginx")};
    check({"deploy version 2 to nginx"}, Rule::lost);
    facts.versions.back().on_disk = OnDisk::lost;
    check({"issue version 3 at corp"}, Rule::lost);
    facts.renewal = Renewal::once;
    check({"compare the files of version 2 with what was put there"}, Rule::lost);
    facts.orphaned = true;
    CHECK(loss(facts, kNow) == "");
    CHECK(steps(facts).empty());
  }

  TEST_CASE("a target that left the config, or a former place, is emptied once all others are proved") {
    CertificateFacts facts = settled();
    facts.deployments.push_back(deployed(1, DeploymentState::verified));
    facts.deployments.back().target = name("old");
    CHECK(steps(facts) == Texts{"take away what was deployed to old"});
    facts.former_places.push_back({.id = 4, .owner = name("www"), .target = name("nginx")});
    CHECK(steps(facts) ==
          Texts{"take away what was deployed to old", "take away what is at the former place of nginx"});
    facts.deployments.front().state = DeploymentState::unverified;
    CHECK(steps(facts) == Texts{"verify nginx"});
    facts.deployments.front().state = DeploymentState::verified;
    inventory::AttemptRecord attempt;
    attempt.step = "retire";
    attempt.target = "old";
    attempt.count = 2;
    attempt.not_before = kNow + minutes(10);
    facts.attempts = {attempt};
    facts.former_places.clear();
    const auto decision = decide(facts, kNow);
    CHECK(decision.next(kNow) == nullptr);
    CHECK(decision.look_again == kNow + minutes(10));
    // It holds up nothing else.
    facts.versions.back().record.renew_at = kNow;
    CHECK(describe(decide(facts, kNow).next(kNow)->action) == "issue version 3 at corp");
  }

  TEST_CASE("what a deployment takes away is announced before it begins") {
    struct Row {
      std::string is_in;    // the directory that nginx is deployed to
      std::string old_one;  // "": no other target is
      bool is_proved;
      Texts said;
    };
    const std::string later = " is taken away once all else is deployed and proved";
    const Row rows[] = {
        {"/etc/tls", {}, true, {}},
        {"/srv/tls", {}, true, {"nginx is to be somewhere else: what was put into /srv/tls" + later}},
        {"/srv/tls",
         "/srv/old",
         true,
         {"nginx is to be somewhere else: what was put into /srv/tls" + later,
          "old is no longer in the configuration: what was put into /srv/old" + later}},
        {"/etc/tls",
         "/srv/old",
         false,
         {"old is no longer in the configuration: what was put into /srv/old" + later}},
        {"/etc/tls", "/srv/old", true, {}},
    };
    for (const Row& row : rows) {
      CAPTURE(row.is_in);
      CAPTURE(row.old_one);
      const auto form = [](const std::string& directory) {
        config::Deployment target = wanted().deployments.front();
        target.written = {{"directory", {directory, {}}}};
        return target;
      };
      CertificateFacts facts = settled();
      facts.wanted.deployments.front() = form("/etc/tls");
      DeploymentRecord& record = facts.deployments.front();
      record.spec = config::target_form(form(row.is_in));
      record.spec_hash = config::deployment_hash(form(row.is_in));
      record.state = row.is_proved ? DeploymentState::verified : DeploymentState::unverified;
      if (!row.old_one.empty()) {
        facts.deployments.push_back(deployed(2, DeploymentState::verified));
        facts.deployments.back().target = name("old");
        facts.deployments.back().spec = config::target_form(form(row.old_one));
      }
      Texts said;
      for (const Reason& reason : decide(facts, kNow).standing)
        if (reason.rule == Rule::target_left) said.push_back(reason.text);
      CHECK(said == row.said);
      const bool retires = std::ranges::any_of(
          steps(facts), [](const std::string& one) { return one.starts_with("take away"); });
      CHECK(retires == (row.said.empty() && !row.old_one.empty()));
    }
  }

  TEST_CASE("a step that failed waits, and no other step with it") {
    struct Row {
      const char* step;
      const char* target;
      void (*change)(CertificateFacts&);
    };
    const Row rows[] = {
        {"live", "2", [](CertificateFacts& f) { f.live_link = 1; }},
        {"prune", "", [](CertificateFacts& f) { f.keep = 1; }},
        {"discard", "",
         [](CertificateFacts& f) {
           for (int number = 3; number <= 9; ++number) f.versions.push_back(version(number, VersionState::live));
           f.ended = {{1, Time{}}};
           f.live_link = 9;
           f.deployments = {deployed(9, DeploymentState::verified)};
           f.keep = 5;
           for (VersionFacts& one : f.versions) one.record.has_key = one.record.number > 4;
         }},
        {"pin", "", [](CertificateFacts& f) { f.intents = {intent(IntentKind::rollback, 1)}; }},
        {"unpin", "", [](CertificateFacts& f) { f.intents = {intent(IntentKind::deploy)}; }},
        {"revoke", "1", [](CertificateFacts& f) { f.intents = {intent(IntentKind::revoke, 1)}; }},
    };
    for (const Row& row : rows) {
      CAPTURE(row.step);
      CertificateFacts facts = settled();
      row.change(facts);
      REQUIRE(decide(facts, kNow).steps.size() == 1);
      inventory::AttemptRecord attempt;
      attempt.step = row.step;
      attempt.target = row.target;
      attempt.count = 1;
      attempt.problem = "no";
      attempt.not_before = kNow + minutes(1);
      facts.attempts = {attempt};
      auto decision = decide(facts, kNow);
      CHECK(decision.next(kNow) == nullptr);
      CHECK(decision.look_again == kNow + minutes(1));
      CHECK(decision.steps.front().why.back().rule == Rule::failed_before);
      facts.versions.back().record.renew_at = kNow;
      CHECK(describe(decide(facts, kNow).next(kNow)->action).starts_with("issue version "));
    }
  }

  TEST_CASE("a version that ended long ago goes, unless something needs it") {
    // Versions 1 to 9 of which 9 is in use; 1 to 4 are not among the newest.
    const auto with_old = [] {
      CertificateFacts facts = settled();
      facts.versions.clear();
      for (int number = 1; number <= 9; ++number) {
        facts.versions.push_back(version(number, number == 9 ? VersionState::live : VersionState::retired));
        facts.versions.back().record.has_key = number > 7;
        if (number < 9) facts.ended.push_back({number, kNow - inventory::kRemembered - days(20 - number)});
      }
      facts.deployments = {deployed(9, DeploymentState::verified)};
      facts.live_link = 9;
      return facts;
    };
    struct Row {
      const char* title;
      void (*change)(CertificateFacts&);
      std::vector<int> gone;
    };
    const Row rows[] = {
        {"nothing needs them", [](CertificateFacts&) {}, {1, 2, 3, 4}},
        {"the newest stay, as many as have keys", [](CertificateFacts& f) { f.keep = 7; }, {1, 2}},
        {"all have keys", [](CertificateFacts& f) { f.keep = 50; }, {}},
        {"pinned, though not usable", [](CertificateFacts& f) { f.pinned = 2; }, {1, 3, 4}},
        {"the live link leads there", [](CertificateFacts& f) { f.live_link = 3; }, {1, 2, 4}},
        {"deployed somewhere", [](CertificateFacts& f) { f.deployments.front().current = 4; }, {1, 2, 3}},
        {"on its way to a target", [](CertificateFacts& f) { f.deployments.front().version = 4; }, {1, 2, 3}},
        {"a target's way back", [](CertificateFacts& f) { f.deployments.front().previous = 1; }, {2, 3, 4}},
        {"named by a request", [](CertificateFacts& f) { f.intents = {intent(IntentKind::rollback, 2)}; }, {1, 3, 4}},
        {"ended not so long ago", [](CertificateFacts& f) { f.ended.at(3).not_after = kNow - days(399); }, {1, 2, 3}},
        {"a deployment is not proved",
         [](CertificateFacts& f) { f.deployments.front().state = DeploymentState::unverified; },
         {1, 2, 3, 4}},
        {"the clock may be ahead", [](CertificateFacts& f) { f.clock_problem = "two days ahead"; }, {}},
        {"it is an orphan", [](CertificateFacts& f) { f.orphaned = true; }, {}},
        {"far more than anybody wants",
         [](CertificateFacts& f) {
           f.versions.push_back(version(203, VersionState::live));
           f.deployments.front() = deployed(203, DeploymentState::verified);
           f.live_link = 203;
           for (auto& ended : f.ended) ended.not_after = kNow - days(1);
         },
         {1, 2, 3}},
    };
    for (const Row& row : rows) {
      CAPTURE(row.title);
      CertificateFacts facts = with_old();
      row.change(facts);
      std::vector<int> gone;
      for (const auto& step : decide(facts, kNow).steps)
        if (const auto* const discard = std::get_if<Discard>(&step.action)) gone = discard->numbers;
      CHECK(gone == row.gone);
    }
  }

  TEST_CASE("what ends later is looked at then, and a run takes a bounded number away") {
    CertificateFacts facts = settled();
    facts.versions.clear();
    for (int number = 1; number <= 100; ++number) {
      facts.versions.push_back(version(number, number == 100 ? VersionState::live : VersionState::retired));
      facts.versions.back().record.has_key = number > 98;
    }
    facts.deployments = {deployed(100, DeploymentState::verified)};
    facts.live_link = 100;
    facts.ended = {{1, kNow - inventory::kRemembered + days(3)}, {99, kNow - inventory::kRemembered + days(1)}};
    CHECK(decide(facts, kNow).steps.empty());
    CHECK(decide(facts, kNow).look_again == kNow + days(3));

    facts.ended.clear();
    for (int number = 1; number <= 90; ++number) facts.ended.push_back({number, kNow - days(500)});
    const auto decision = decide(facts, kNow);
    REQUIRE(decision.steps.size() == 1);
    CHECK(std::get<Discard>(decision.steps.front().action).numbers.size() == 64);
    CHECK(decision.steps.front().why.front().rule == Rule::ended_long_ago);
    CHECK(decision.next(kNow) != nullptr);
    facts.discarded = true;
    CHECK(decide(facts, kNow).next(kNow) == nullptr);
    CHECK(decide(facts, kNow).look_again == kNow + std::chrono::hours(1));
  }

  TEST_CASE("what was asked for once and withdrawn is not issued, and never with a key made here") {
    struct Row {
      const char* title;
      inventory::KeyOwner key;
      bool begun, is_signed, asked;
      Texts steps;
    };
    using inventory::KeyOwner;
    const Row rows[] = {
        {"withdrawn", KeyOwner::ours, false, false, false, {}},
        {"its CSR withdrawn", KeyOwner::external, false, false, false, {}},
        {"withdrawn after it was begun",
         KeyOwner::ours,
         true,
         false,
         false,
         {"give version 1 up, which was begun at corp"}},
        {"its CSR withdrawn after it was begun",
         KeyOwner::external,
         true,
         false,
         false,
         {"give version 1 up, which was begun at corp"}},
        {"withdrawn after it was signed", KeyOwner::external, true, true, false, {"issue version 1 at corp"}},
        {"asked for", KeyOwner::ours, false, false, true, {"issue version 1 at corp"}},
        {"asked for with a CSR", KeyOwner::external, true, false, true, {"issue version 1 at corp"}},
    };
    for (const Row& row : rows) {
      CAPTURE(row.title);
      CertificateFacts facts;
      facts.wanted = wanted();
      facts.renewal = Renewal::once;
      facts.key_owner = row.key;
      if (row.begun) facts.versions = {version(1, VersionState::pending)};
      if (row.is_signed) facts.versions.front().record.certificate = pki::Fingerprint{};
      if (row.asked) {
        facts.intents = {intent(IntentKind::issue_once)};
        if (row.key == KeyOwner::external) facts.intents.front().csr = {0x30, 0x00};
      }
      CHECK(steps(facts) == row.steps);
      CHECK(decide(facts, kNow).standing.empty() == (row.is_signed || row.asked));
    }
  }

  TEST_CASE("a removal issues nothing, and forgets only when all else is done") {
    CertificateFacts facts = settled();
    facts.versions.back().record.renew_at = kNow - days(1);
    facts.intents = {intent(IntentKind::remove)};
    facts.intents.front().reason = pki::RevocationReason::cessation_of_operation;
    CHECK(steps(facts) == Texts{"stop keeping it alive"});
    facts.intents.front().revoke = true;
    CHECK(steps(facts) == Texts{"revoke version 1 (cessationOfOperation)", "revoke version 2 (cessationOfOperation)"});
    for (VersionFacts& one : facts.versions) one.record.revoked_at = kNow;
    CHECK(steps(facts) == Texts{"stop keeping it alive"});
    facts.intents.front().delete_keys = true;
    CHECK(steps(facts) == Texts{"take away what was deployed to nginx", "delete the private keys"});
    for (const auto& step : decide(facts, kNow).steps) {
      CHECK(step.why.front().rule == Rule::requested);
      CHECK(step.why.front().text.starts_with("its removal: "));
    }
    facts.deployments.clear();
    for (VersionFacts& one : facts.versions) one.record.has_key = false;
    CHECK(steps(facts) == Texts{"stop keeping it alive"});
    // What somebody else asked to be revoked is, first.
    CertificateFacts asked = settled();
    asked.intents = {intent(IntentKind::revoke, 2), intent(IntentKind::remove)};
    CHECK(steps(asked) == Texts{"revoke version 2 (unspecified)"});
    asked.versions.back().record.revoked_at = kNow;
    asked.intents.erase(asked.intents.begin());
    CHECK(steps(asked) == Texts{"stop keeping it alive"});
    // What fails is waited for.
    facts.versions.back().record.revoked_at.reset();
    inventory::AttemptRecord attempt;
    attempt.step = "revoke";
    attempt.target = "2";
    attempt.needs_operator = true;
    facts.attempts = {attempt};
    const auto decision = decide(facts, kNow);
    CHECK(decision.next(kNow) == nullptr);
    CHECK(decision.steps.front().gate == Gate::needs_operator);
    facts.orphaned = true;
    CHECK(steps(facts) == Texts{"revoke version 2 (cessationOfOperation)"});
  }

  TEST_CASE("while the clock is not to be trusted nothing is ordered, and all else goes on") {
    CertificateFacts facts = settled();
    facts.clock_problem = "it went back";
    facts.versions.back().record.renew_at = kNow;
    facts.deployments.front().state = DeploymentState::unverified;
    facts.intents = {intent(IntentKind::revoke, 1)};
    const auto decision = decide(facts, kNow);
    REQUIRE(decision.steps.size() == 3);
    CHECK(decision.steps[0].gate == Gate::open);
    CHECK(decision.steps[1].gate == Gate::clock_untrusted);
    CHECK(decision.steps[1].not_before > kNow);
    CHECK(decision.steps[2].gate == Gate::open);
  }

  TEST_CASE("a number is never given again, also after everything was removed") {
    CertificateFacts facts = settled();
    facts.versions.clear();
    facts.next_number = 7;
    CHECK(steps(facts) == Texts{"issue version 7 at corp"});
  }

  TEST_CASE("a manual rollback holds its version until a newer one is due") {
    CertificateFacts facts = settled();
    facts.intents = {intent(IntentKind::rollback, 1)};
    CHECK(steps(facts).front() == "go back to version 1 and stay there");
    facts.intents.clear();
    facts.pinned = 1;
    CHECK(steps(facts) == Texts{"make version 1 live", "deploy version 1 to nginx"});
    facts.versions[0].record.state = VersionState::live;
    facts.versions[1].record.state = VersionState::retired;
    facts.live_link = 1;
    facts.deployments = {deployed(1, DeploymentState::verified)};
    CHECK(steps(facts).empty());
    facts.versions[0].record.renew_at = kNow;
    CHECK(steps(facts) == Texts{"issue version 3 at corp"});
    facts.versions[0].record.renew_at = kNow + days(1);
    facts.intents = {intent(IntentKind::deploy)};
    CHECK(steps(facts).front() == "deploy the newest version again");
  }

  TEST_CASE("keys beyond keep are deleted once the version in use is proved everywhere") {
    CertificateFacts facts = settled();
    facts.versions = {version(1, VersionState::retired), version(2, VersionState::retired),
                      version(3, VersionState::retired), version(4, VersionState::live)};
    facts.deployments = {deployed(4, DeploymentState::verified)};
    facts.live_link = 4;
    const auto decision = decide(facts, kNow);
    REQUIRE(decision.steps.size() == 1);
    CHECK(std::get<Prune>(decision.steps.front().action).keys_of == std::vector<int>{2, 1});
    facts.deployments.front().state = DeploymentState::unverified;
    CHECK(steps(facts) == Texts{"verify nginx"});
    facts.deployments.front().state = DeploymentState::verified;
    for (VersionFacts& one : facts.versions) one.record.has_key = one.record.number > 2;
    CHECK(steps(facts).empty());
  }

  TEST_CASE("what was issued once is deployed and revoked, but not renewed") {
    CertificateFacts facts = settled();
    facts.renewal = Renewal::once;
    facts.versions.back().record.renew_at = kNow - days(1);
    CHECK(steps(facts).empty());
    facts.wanted.key = pki::KeyType::ed25519;  // asked for, but not by anybody who waits
    CHECK(steps(facts).empty());
    facts.intents = {intent(IntentKind::issue_once)};
    CHECK(steps(facts) == Texts{"issue version 3 at corp"});
    facts.intents = {intent(IntentKind::force_renew)};
    CHECK(steps(facts) == Texts{"issue version 3 at corp"});
    facts.key_owner = inventory::KeyOwner::external;
    CHECK(decide(facts, kNow).steps.front().gate == Gate::needs_operator);
    CHECK(decide(facts, kNow).next(kNow) == nullptr);
    facts.intents = {intent(IntentKind::issue_once)};
    facts.intents.front().csr = {1};
    CHECK(decide(facts, kNow).next(kNow) != nullptr);
    facts.intents.clear();
    facts.key_owner = inventory::KeyOwner::ours;
    facts.versions.clear();
    CHECK(steps(facts).empty());
  }

  TEST_CASE("what came from another client is unverified until something deploys it, its successors too") {
    CertificateFacts facts = settled();
    const auto says_so = [&] {
      return std::ranges::count(decide(facts, kNow).standing, Rule::not_verified, &Reason::rule) == 1;
    };
    facts.versions.front().record.imported_from = "/etc/letsencrypt\x1b";
    CHECK_FALSE(says_so());
    facts.wanted.deployments.clear();
    CHECK(says_so());
    CHECK(decide(facts, kNow).standing.back().text.find("\\x1b") != std::string::npos);
    facts.versions.front().record.imported_from.clear();
    CHECK_FALSE(says_so());
  }

  TEST_CASE("an orphan is left alone") {
    CertificateFacts facts = settled();
    facts.orphaned = true;
    facts.versions.back().record.renew_at = kNow - days(1);
    const auto decision = decide(facts, kNow);
    CHECK(decision.steps.empty());
    CHECK_FALSE(decision.look_again);
    CHECK(decision.standing.front().rule == Rule::orphaned);
  }

  TEST_CASE("the issuer is asked when it wants the renewal, and its window counts") {
    CertificateFacts facts = settled();
    VersionFacts& live = facts.versions.back();
    live.renewal_info = RenewalInfoOf::issuer;
    CHECK(steps(facts) == Texts{"ask corp when version 2 is to be renewed"});
    struct Row {
      const char* about;
      std::optional<Time> renew_at;
      Time ask_again;
      Texts wanted;
      Time look_again;
    };
    const Row rows[] = {
        {"the window is ahead, and earlier than our own time", kNow + days(10), kNow + days(1), {}, kNow + days(1)},
        {"the drawn time has come", kNow, kNow + days(1), {"issue version 3 at corp"}, kNow},
        {"the window lies in the past", kNow - days(400), kNow + days(1), {"issue version 3 at corp"}, kNow},
        {"the answer is old", kNow + days(10), kNow, {"ask corp when version 2 is to be renewed"}, kNow},
        {"it says nothing", std::nullopt, kNow + days(40), {}, kNow + days(30)},
        {"it says a time after the end", kNow + days(400), kNow + days(50), {}, kNow + days(45)},
        {"what is due is not held up by asking", kNow - days(1), kNow - days(1), {"issue version 3 at corp"}, kNow},
    };
    for (const Row& row : rows) {
      CAPTURE(row.about);
      inventory::RenewalInfoRecord info;
      info.renew_at = row.renew_at;
      if (row.renew_at) {
        info.start = *row.renew_at - days(1);
        info.end = *row.renew_at + days(1);
      }
      info.ask_again = row.ask_again;
      live.info = info;
      CHECK(steps(facts) == row.wanted);
      CHECK(decide(facts, kNow).look_again == row.look_again);
    }
    live.info->renew_at = kNow;
    CHECK(decide(facts, kNow).steps.front().why.front().rule == Rule::renewal_suggested);
  }

  TEST_CASE("a window that stays in the past orders two certificates a day, and no more") {
    CertificateFacts facts = settled();
    facts.versions = {version(1, VersionState::retired), version(2, VersionState::live)};
    facts.versions[1].renewal_info = RenewalInfoOf::issuer;
    facts.versions[1].info = inventory::RenewalInfoRecord{};
    facts.versions[1].info->renew_at = facts.versions[1].info->start = facts.versions[1].info->end = kNow - days(1);
    facts.versions[1].info->ask_again = kNow + days(1);
    facts.versions[0].record.created = kNow - days(30);
    facts.versions[1].record.created = kNow - minutes(1);
    CHECK(decide(facts, kNow).next(kNow) != nullptr);
    facts.versions[0].record.created = kNow - minutes(2);
    const auto held = decide(facts, kNow);
    CHECK(held.next(kNow) == nullptr);
    REQUIRE(held.steps.size() == 1);
    CHECK(held.steps.front().not_before == kNow - minutes(2) + days(1));
    CHECK(held.steps.front().why.back().rule == Rule::renewed_too_often);
    CHECK(held.look_again == held.steps.front().not_before);
    // Who asks for it gets it.
    facts.intents = {intent(IntentKind::force_renew)};
    CHECK(decide(facts, kNow).next(kNow) != nullptr);
  }
}

}  // namespace
