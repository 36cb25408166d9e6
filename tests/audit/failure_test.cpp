#include "audit/world.h"

using namespace everseal;
using namespace everseal::audit;
using namespace everseal::audit::testing;

TEST_CASE("each way to fail has its rule, and no expiry is invented") {
  using probe::Outcome;
  using probe::Phase;
  struct Row {
    Outcome outcome;
    Names expected;
  };
  const Row rows[] = {
      {Outcome::name_not_resolved, {"name-not-resolved error"}},
      {Outcome::connection_refused, {"connection-refused error"}},
      {Outcome::unreachable, {"unreachable error"}},
      {Outcome::timed_out, {"timed-out error"}},
      {Outcome::proxy_refused, {"proxy-refused error"}},
      {Outcome::starttls_injected, {"starttls-injected critical"}},
      {Outcome::chain_too_large, {"chain-too-large error"}},
      {Outcome::starttls_refused, {"starttls-refused error"}},
      {Outcome::not_tls, {"not-tls error"}},
      {Outcome::handshake_failed, {"handshake-failed error"}},
  };
  for (const auto& [outcome, expected] : rows) {
    CAPTURE(std::string(probe::to_string(outcome)));
    probe::Capture capture;
    capture.outcome = outcome;
    capture.phase = Phase::connect;
    capture.problem = "what went wrong";
    const Sight seen = sight_of(capture, "a.example:443", {Identifier::parse("a.example")});
    const auto findings = judge(seen, {}, kNow);
    CHECK(names_of(findings) == expected);
    CHECK_FALSE(ends_of(seen).leaf);
    for (const Finding& one : findings) {
      const bool is_the_servers_fault = outcome == Outcome::starttls_injected || outcome == Outcome::chain_too_large;
      CHECK((one.rule->nature == Nature::fault) == is_the_servers_fault);
      CHECK(one.what.raw() == "what went wrong");
      CHECK(one.place == "a.example:443");
    }
  }
}

TEST_CASE("no outcome is without a rule") {
  for (int i = 0; i <= static_cast<int>(probe::Outcome::handshake_failed); ++i) {
    const auto outcome = static_cast<probe::Outcome>(i);
    CAPTURE(std::string(probe::to_string(outcome)));
    probe::Capture capture;
    capture.outcome = outcome;
    CHECK(judge(sight_of(capture, "a", {}), {}, kNow).size() == 1);
  }
}

TEST_CASE("a handshake without a certificate is a fault, and a notice where mail takes any encryption") {
  probe::Capture capture;
  capture.outcome = probe::Outcome::complete;
  capture.cipher = "ADH-AES256-GCM-SHA384";
  Sight seen = sight_of(capture, "a.example:443", {Identifier::parse("a.example")});
  CHECK(names_of(judge(seen, {}, kNow)) == Names{"no-certificate error"});
  seen.starttls = "smtp";
  CHECK(names_of(judge(seen, {}, kNow)) == Names{"no-certificate notice"});
}

TEST_CASE("a handshake that failed after the chain was sent is told, and the chain is judged") {
  probe::Capture capture;
  capture.outcome = probe::Outcome::handshake_failed;
  capture.phase = probe::Phase::handshake;
  capture.problem = "alert 40";
  capture.alert = 40;
  capture.chain = {world().leaf.der(), world().issuing.certificate.der()};
  const Time later = world().leaf.not_after() + Seconds(1);
  CHECK(found_in(sight_of(capture, "a", {}), later) == Names{"expired critical", "handshake-failed error"});
}

TEST_CASE("a demanded client certificate is a fact and no fault") {
  probe::Capture capture;
  capture.outcome = probe::Outcome::complete;
  capture.client_certificate_required = true;
  capture.chain = {world().leaf.der(), world().issuing.certificate.der()};
  capture.client_authorities = {base::Untrusted("CN=Clients")};
  const auto findings = judge(sight_of(capture, "a", {}), {}, kNow);
  REQUIRE(names_of(findings) == Names{"client-certificate-required notice"});
  CHECK(findings.front().rule->nature == Nature::fault);
  CHECK(findings.front().fields.front().second.raw() == "CN=Clients");
}

TEST_CASE("findings of one identity are merged to the worst") {
  const Certificate near = world().leaf_of(90 * kDay, kNow - 89 * kDay),
                    later = world().leaf_of(90 * kDay, kNow - 70 * kDay);
  const auto both = [&](const Certificate& first, const Certificate& second) {
    std::vector<Finding> all = judge(sight_of_leaf(first, kNow), {}, kNow);
    for (Finding& one : judge(sight_of_leaf(second, kNow), {}, kNow)) all.push_back(std::move(one));
    return merge(std::move(all));
  };
  for (const auto& merged : {both(near, later), both(later, near)}) {
    CHECK(names_of(merged) == Names{"expiring critical"});
    CHECK(merged.front().certificate == near.fingerprint());
  }
  auto elsewhere = judge(sight_of_leaf(near, kNow), {}, kNow);
  elsewhere.push_back(elsewhere.front());
  elsewhere.back().place = "other";
  CHECK(merge(elsewhere).size() == 2);
}
