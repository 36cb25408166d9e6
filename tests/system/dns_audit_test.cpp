// What stands in the way of a renewal in signed zones of the test's own, seen by a validating resolver.
#include "pki/certificate.h"
#include "pki/digest.h"
#include "probe/server.h"
#include "system/named.h"
#include "system/resolver.h"
#include "system/server.h"
#include "system/site.h"

#include <map>
#include <set>
#include <string>
#include <utility>

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace everseal::system {
namespace {

using Found = std::set<std::pair<std::string, std::string>>;  // place, rule

Found found_in(const Json& report) {
  Found found;
  for (const Json& place : report.at("places"))
    for (const Json& finding : place.at("findings"))
      if (place.at("kind") == "name") found.emplace(place.at("name"), finding.at("rule"));
  return found;
}

void serve_smtp(SSL_CTX* context, int connection) {
  test::say(connection, "220 mx.good.test ESMTP\r\n");
  for (std::string line = test::hear(connection); !line.empty(); line = test::hear(connection)) {
    if (line.starts_with("STARTTLS")) {
      test::say(connection, "220 go ahead\r\n");
      return test::serve_tls(context, connection);
    }
    test::say(connection, line.starts_with("EHLO") ? "250-mx.good.test\r\n250 STARTTLS\r\n" : "500 no\r\n");
  }
}

}  // namespace

TEST_CASE("faults of zones are found before the renewal, and healthy zones are silent") {
  const Site site(Site::Ca::none);
  const test::Identity identity("mx.good.test");
  const test::SslContext context = test::server_context(identity);
  const test::Server right([&](int connection) { serve_smtp(context.get(), connection); });
  const test::Server wrong([&](int connection) { serve_smtp(context.get(), connection); });
  const pki::Certificate served = pki::Certificate::parse(identity.der);
  const auto tlsa = [&](int port, const std::string& digest) {
    return fmt::format("_{}._tcp.mx TLSA 3 1 1 {}", port, digest);
  };
  const std::string ca = "CAA 0 issue \"ca.test";
  const std::string account = "; accounturi=https://acme.ca.test/acct/";
  const NamedZone good{
      .records = {"@ " + ca + "\"", "www A 127.0.0.1", "mx A 127.0.0.1", "www " + ca + "; validationmethods=http-01\"",
                  "_acme-challenge.delegated CNAME delegated.plain.test.",
                  tlsa(right.port(), base::hex(served.spki_pin())), tlsa(wrong.port(), std::string(64, '0')),
                  "account " + ca + account + "1\"", "method " + ca + "; validationmethods=dns-01\"",
                  "other CAA 0 issue \"other.test\"", "_acme-challenge.dangling CNAME dangling.gone.nowhere."},
      .is_signed = true};
  const NamedZone bogus{.records = {"www A 127.0.0.1"}, .is_signed = true};
  const Named named(site, {{"good.test", good},
                           {"bogus.test", bogus},
                           {"plain.test", {.records = {"www A 127.0.0.1", "delegated TXT x"}}},
                           {"test", {}},
                           {"nowhere", {}}});
  const Resolver resolver(site, named,
                          {{"good.test", named.anchor("good.test")},
                           {"bogus.test", named.anchor("good.test")},
                           {"plain.test", ""},
                           {"test", ""},
                           {"nowhere", ""}});

  std::string config =
      "[issuer.ca]\ntype = \"acme\"\ndirectory = \"https://acme.ca.test/directory\"\nagree_terms = true\n"
      "[challenge.delegated]\ntype = \"dns-01\"\nprovider = \"exec\"\ncommand = \"/bin/true\"\n"
      "zones = [\"delegated.good.test\", \"dangling.good.test\"]\n";
  const auto want = [&](const std::string& name) {
    config += fmt::format("[certificate.\"{0}\"]\nidentifiers = [\"{0}\"]\nissuer = \"ca\"\n", name);
  };
  for (const char* const name : {"www.good.test", "delegated.good.test", "www.plain.test"}) want(name);
  const auto audit = [&](const std::string& port) {
    site.configure(config + fmt::format("[endpoint.mx]\ntargets = [\"mx.good.test:{}\"]\nstarttls = \"smtp\"\n", port));
    const base::Exit exit = site.everseal({"--json", "audit", "--dns", "--resolver", resolver.endpoint()});
    const Json report = Json::parse(exit.output);
    REQUIRE_MESSAGE(report.contains("places"), exit.output);
    return report;
  };
  site.configure("");
  require_status(site.everseal({"init"}), 0);
  const Json healthy = audit(std::to_string(right.port()));
  CHECK(found_in(healthy) == Found());

  for (const char* const name :
       {"www.bogus.test", "account.good.test", "method.good.test", "other.good.test", "dangling.good.test"})
    want(name);
  const Json faulty = audit(std::to_string(wrong.port()));
  CHECK(found_in(faulty) == Found{{"www.bogus.test", "dnssec-bogus"},
                                  {"account.good.test", "caa-account"},
                                  {"method.good.test", "caa-method"},
                                  {"dangling.good.test", "challenge-dangling"},
                                  {fmt::format("_{}._tcp.mx.good.test", wrong.port()), "tlsa-mismatch"}});
  for (const Json& place : faulty.at("places"))
    if (place.at("name") == "account.good.test") CHECK(place.at("managed") == "account.good.test");

  // What was found stands with the renewals that it will keep from succeeding, and where fetch = "none" CAA records are
  // not asked for, which ends nothing of it.
  const auto obstacles = [&] {
    Found standing;
    const Json planned = Json::parse(site.everseal({"--json", "plan"}).output);
    for (const Json& subject : planned.at("subjects"))
      for (const Json& reason : subject.at("standing"))
        if (reason.at("rule") == "dns_fault") standing.emplace(subject.at("subject"), reason.at("text"));
    return standing;
  };
  const Found standing = obstacles();
  CHECK(standing.size() == 4);
  for (const auto& [subject, text] : standing) {
    CAPTURE(text);
    CHECK(text.starts_with("the DNS stands in the way of the next renewal: "));
    if (subject != "certificate/account.good.test") continue;
    CHECK(text.find("lets another account at ca issue") != std::string::npos);
    CHECK(text.find("`everseal account show`") != std::string::npos);
  }
  site.configure("[audit]\nfetch = \"none\"\n" + config);
  const Json unasked =
      Json::parse(site.everseal({"--json", "audit", "--dns", "--resolver", resolver.endpoint()}).output);
  CHECK(found_in(unasked) == Found{{"www.bogus.test", "dnssec-bogus"}, {"dangling.good.test", "challenge-dangling"}});
  CHECK(unasked.dump().find("CAA records were not asked for") != std::string::npos);
  CHECK(obstacles().size() == 4);
  const Json shown = Json::parse(site.everseal({"--json", "show", "account.good.test"}).output);
  REQUIRE(shown.at("obstacles").size() == 1);
  CHECK(shown.at("obstacles").front().at("rule") == "caa-account");

  // A resolver that is gone is no finding, and said once.
  const base::Exit exit =
      site.everseal({"--json", "audit", "--dns", "--resolver", fmt::format("127.0.0.1:{}", free_port())});
  const Json silent = Json::parse(exit.output);
  CHECK(found_in(silent) == Found());
  CHECK(silent.dump().find("no resolver answered") != std::string::npos);
}

}  // namespace everseal::system
