#include "plan/state.h"

#include "plan/authority.h"
#include "plan/moment.h"

#include <functional>
#include <string>

#include <doctest/doctest.h>

namespace {

using namespace everseal;
using namespace everseal::plan;
using inventory::DeploymentRecord;
using inventory::DeploymentState;
using inventory::VersionRecord;
using std::chrono::days;
using std::chrono::hours;

// Version 2 in use and served at "nginx", nothing due.
StateFacts sound() {
  StateFacts facts;
  config::Certificate& wanted = facts.wanted.emplace();
  wanted.name = name("www");
  wanted.issuers = {name("corp")};
  wanted.deployments.emplace_back().name = name("nginx");
  VersionRecord& version = facts.in_use.emplace();
  version.number = 2;
  version.not_after = kNow + days(60);
  facts.look_again = kNow + days(30);
  DeploymentRecord& deployment = facts.deployments.emplace_back();
  deployment.target = name("nginx");
  deployment.version = 2;
  deployment.current = 2;
  deployment.state = DeploymentState::verified;
  return facts;
}

inventory::AttemptRecord failed(std::string step, std::string target) {
  inventory::AttemptRecord attempt;
  attempt.step = std::move(step);
  attempt.subject = "certificate/www";
  attempt.target = std::move(target);
  attempt.count = 2;
  attempt.problem = "no answer";
  attempt.not_before = kNow + hours(1);
  return attempt;
}

}  // namespace

TEST_CASE("the state of a certificate is the worst that is true of it") {
  struct Row {
    const char* what;
    std::function<void(StateFacts&)> change;
    State state;
    Attention attention;
    const char* why;  // part of it
  };
  const auto needed = Attention::needed;
  const auto none = Attention::none;
  const Row rows[] = {
      {"sound", [](StateFacts&) {}, State::live, none, ""},
      {"no listener", [](StateFacts& f) { f.deployments[0].state = DeploymentState::unverifiable; }, State::live, none,
       ""},
      {"nothing to deploy", [](StateFacts& f) { f.wanted->deployments.clear(), f.deployments.clear(); }, State::live,
       none, ""},
      {"ended", [](StateFacts& f) { f.in_use->not_after = kNow - days(3); }, State::expired, needed, "3 days ago"},
      {"ends now", [](StateFacts& f) { f.in_use->not_after = kNow; }, State::expired, needed, "ended"},
      {"ended and failing",
       [](StateFacts& f) {
         f.in_use->not_after = kNow - days(3);
         f.attempts = {failed("issue", "corp")};
       },
       State::expired, needed, "3 days ago"},
      {"revoked", [](StateFacts& f) { f.in_use->revoked_at = kNow; }, State::revoked, needed, "version 2 was revoked"},
      {"ended, and what fails is said",
       [](StateFacts& f) {
         f.in_use->not_after = kNow - days(3);
         f.attempts = {failed("issue", "corp")};
       },
       State::expired, needed, "ended 3 days ago; issue at corp failed 2 times in a row: no answer"},
      {"revoked, and its target cannot be emptied",
       [](StateFacts& f) {
         f.in_use->revoked_at = kNow;
         f.attempts = {failed("retire", "former")};
       },
       State::revoked, needed,
       "version 2 was revoked (unspecified); retire at former failed 2 times in a row: no answer"},
      {"once, revoked, nowhere served, and its keys cannot be deleted",
       [](StateFacts& f) {
         f.renewal = Renewal::once;
         f.deployments.clear();
         f.in_use->revoked_at = kNow;
         f.attempts = {failed("prune", "")};
         f.attempts[0].needs_operator = true;
       },
       State::revoked, needed, "; prune failed 2 times"},
      {"issue failed", [](StateFacts& f) { f.attempts = {failed("issue", "corp")}; }, State::failing, needed,
       "issue at corp failed 2 times in a row: no answer"},
      {"a step without a target failed", [](StateFacts& f) { f.attempts = {failed("prune", "")}; }, State::failing,
       needed, "prune failed 2 times"},
      {"a step that can never succeed",
       [](StateFacts& f) {
         f.attempts = {failed("issue", "corp"), failed("revoke", "1")};
         f.attempts[1].needs_operator = true;
       },
       State::needs_operator, needed, "revoke of version 1"},
      {"all that failed is told, the revocation first",
       [](StateFacts& f) {
         f.attempts = {failed("issue", "corp"), failed("revoke", "1")};
       },
       State::failing, needed,
       "revoke of version 1 failed 2 times in a row: no answer; issue at corp failed 2 times in a row: no answer"},
      {"a file is gone", [](StateFacts& f) { f.loss = "what was deployed to nginx is no longer there"; },
       State::failing, needed, "what was deployed to nginx is no longer there; the next `everseal renew`"},
      {"a file is gone, and a step failed for it",
       [](StateFacts& f) {
         f.loss = "version 2 is no longer whole in the archive";
         f.attempts = {failed("compare", "")};
       },
       State::failing, needed, "compare failed 2 times in a row: no answer"},
      {"a file changed", [](StateFacts& f) { f.touched = true; }, State::live, none,
       "files of version 2 changed since they were last looked at"},
      {"a removal that needs somebody",
       [](StateFacts& f) {
         f.removal = "root asked for it";
         f.attempts = {failed("revoke", "2")};
         f.attempts[0].needs_operator = true;
       },
       State::needs_operator, needed, "its removal is not finished: root asked for it; revoke of version 2 failed"},
      {"what is live begins in a year by a clock that nobody believes",
       [](StateFacts& f) {
         f.ahead.emplace().number = 3;
         f.ahead->not_before = kNow + days(365);
         f.clock_problem = "the clock says 1970";
       },
       State::failing, needed, " on only, if the clock is right"},
      {"what is live begins in a year",
       [](StateFacts& f) {
         f.ahead.emplace().number = 3;
         f.ahead->not_before = kNow + days(365);
       },
       State::failing, needed, "version 3 is in use and valid from 20"},
      {"a target that left cannot be emptied", [](StateFacts& f) { f.attempts = {failed("retire", "former")}; },
       State::failing, needed, "retire at former"},
      {"failed to deploy to a target that left", [](StateFacts& f) { f.attempts = {failed("deploy", "former")}; },
       State::live, none, ""},
      {"failed at an issuer that left", [](StateFacts& f) { f.attempts = {failed("issue", "former")}; }, State::live,
       none, ""},
      {"its table is wrong", [](StateFacts& f) { f.config_problem = "conf.d/www.toml:3: colour"; },
       State::misconfigured, needed, "conf.d/www.toml:3: colour; what its table said before stands"},
      {"its table is wrong, and it is failing",
       [](StateFacts& f) {
         f.config_problem = "conf.d/www.toml:3: colour";
         f.attempts = {failed("issue", "corp")};
       },
       State::failing, needed, "no answer"},
      {"its table was never right",
       [](StateFacts& f) {
         f = {};
         f.config_problem = "conf.d/www.toml:3: colour";
       },
       State::misconfigured, needed, "nothing is done for it until that is right"},
      {"rolled back", [](StateFacts& f) { f.deployments[0].state = DeploymentState::failed; }, State::failing, needed,
       "nginx"},
      {"failed at a target that left",
       [](StateFacts& f) {
         f.deployments.push_back(f.deployments[0]);
         f.deployments[1].target = name("former");
         f.deployments[1].state = DeploymentState::failed;
       },
       State::live, none, ""},
      {"left its target, which is not emptied yet", [](StateFacts& f) { f.wanted->deployments.clear(); }, State::live,
       none, ""},
      {"nobody runs renew", [](StateFacts& f) { f.look_again = kNow - days(2); }, State::failing, needed,
       "no `everseal renew` came"},
      {"due this hour", [](StateFacts& f) { f.look_again = kNow - hours(1); }, State::live, none, ""},
      {"never issued", [](StateFacts& f) { f.in_use.reset(), f.deployments.clear(); }, State::pending, none,
       "nothing was issued yet"},
      {"never issued, and failing",
       [](StateFacts& f) {
         f.in_use.reset();
         f.deployments.clear();
         f.attempts = {failed("issue", "corp")};
       },
       State::failing, needed, "issue at corp"},
      {"not seen to be served",
       [](StateFacts& f) {
         f.deployments[0].state = DeploymentState::unverified;
         f.deployments[0].problem = "connection refused";
       },
       State::unverified, needed, "nginx: connection refused"},
      {"switched and not proved", [](StateFacts& f) { f.deployments[0].state = DeploymentState::switched; },
       State::unverified, needed, "not finished"},
      {"a former version is served", [](StateFacts& f) { f.deployments[0].version = 1; }, State::unverified, needed,
       "version 1 is there, version 2 is in use"},
      {"a new target", [](StateFacts& f) { f.wanted->deployments.emplace_back().name = name("haproxy"); },
       State::unverified, needed, "haproxy: nothing was deployed there yet"},
      {"imported", [](StateFacts& f) { f.unproved = "servers read it elsewhere"; }, State::unverified, needed,
       "elsewhere"},
      {"left the config", [](StateFacts& f) { f.orphaned = true; }, State::orphaned, needed, "no longer in the config"},
      {"left the config, nobody looks at it",
       [](StateFacts& f) {
         f.orphaned = true;
         f.look_again = kNow - days(90);
       },
       State::orphaned, needed, ""},
      {"left the config and ended, still served",
       [](StateFacts& f) {
         f.orphaned = true;
         f.in_use->not_after = kNow - days(1);
       },
       State::expired, needed, ""},
      {"left the config and ended, nowhere served",
       [](StateFacts& f) {
         f.orphaned = true;
         f.deployments.clear();
         f.in_use->not_after = kNow - days(1);
       },
       State::expired, needed, "everseal remove"},
      {"once and ended",
       [](StateFacts& f) {
         f.renewal = Renewal::once;
         f.deployments.clear();
         f.in_use->not_after = kNow - days(1);
       },
       State::expired, needed, "nothing renews it"},
      {"once, revoked and nowhere served",
       [](StateFacts& f) {
         f.renewal = Renewal::once;
         f.deployments.clear();
         f.in_use->revoked_at = kNow;
       },
       State::revoked, none, "was revoked"},
      {"once", [](StateFacts& f) { f.renewal = Renewal::once; }, State::once, none, "nothing renews it"},
      {"once, its spec cannot be read",
       [](StateFacts& f) {
         f.renewal = Renewal::once;
         f.wanted.reset();
       },
       State::once, none, ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    StateFacts facts = sound();
    row.change(facts);
    const StandingState state = state_of(facts, kNow);
    CHECK(to_string(state.state) == to_string(row.state));
    CHECK(state.attention == row.attention);
    CHECK_MESSAGE(state.why.find(row.why) != std::string::npos, state.why);
  }
}

TEST_CASE("an authority needs somebody where its CRL ended, it cannot sign, or a step of it fails") {
  const auto sound = [] {
    AuthorityStateFacts facts;
    facts.ends = kNow + days(400);
    inventory::CrlRecord& crl = facts.crl.emplace();
    crl.this_update = kNow - days(1);
    crl.next_update = kNow + days(6);
    facts.look_again = kNow + days(2);
    return facts;
  };
  struct Row {
    std::string what;
    std::function<void(AuthorityStateFacts&)> change;
    State state;
    Attention attention;
  };
  const Row rows[] = {
      {"nothing", [](AuthorityStateFacts&) {}, State::live, Attention::none},
      {"waits for its intermediate", [](AuthorityStateFacts& f) { f.ends.reset(); }, State::pending, Attention::none},
      {"ended, and nothing uses it", [](AuthorityStateFacts& f) { f.ends = kNow; }, State::expired, Attention::none},
      {"ended in use",
       [](AuthorityStateFacts& f) {
         f.ends = kNow;
         f.is_used = true;
       },
       State::expired, Attention::needed},
      {"its key is gone", [](AuthorityStateFacts& f) { f.trouble = "no key"; }, State::needs_operator,
       Attention::needed},
      {"it begins later", [](AuthorityStateFacts& f) { f.begins = kNow + std::chrono::hours(3); },
       State::needs_operator, Attention::needed},
      {"it began", [](AuthorityStateFacts& f) { f.begins = kNow; }, State::live, Attention::none},
      {"what it signed ends with it", [](AuthorityStateFacts& f) { f.cuts = true; }, State::needs_operator,
       Attention::needed},
      {"its CRL ended", [](AuthorityStateFacts& f) { f.crl->next_update = kNow; }, State::failing, Attention::needed},
      {"a signature failed", [](AuthorityStateFacts& f) { f.attempts = {failed("crl", "")}; }, State::failing,
       Attention::needed},
      {"its crl.der is gone", [](AuthorityStateFacts& f) { f.loss = kCrlLost; }, State::failing, Attention::needed},
      {"nobody runs renew", [](AuthorityStateFacts& f) { f.look_again = kNow - days(2); }, State::failing,
       Attention::needed},
      {"a publication failed",
       [](AuthorityStateFacts& f) { f.deployments.emplace_back().state = DeploymentState::failed; }, State::failing,
       Attention::needed},
      {"its CRL is not published yet",
       [](AuthorityStateFacts& f) {
         f.crl->number = 8;
         DeploymentRecord& published = f.deployments.emplace_back();
         published.version = 7;
         published.state = DeploymentState::verified;
       },
       State::unverified, Attention::needed},
      {"a publication is not verified",
       [](AuthorityStateFacts& f) { f.deployments.emplace_back().state = DeploymentState::unverified; },
       State::unverified, Attention::needed},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    AuthorityStateFacts facts = sound();
    row.change(facts);
    const StandingState state = state_of(facts, kNow);
    CHECK(state.state == row.state);
    CHECK(state.attention == row.attention);
    CHECK(state.why.empty() == (row.state == State::live));
  }
}
