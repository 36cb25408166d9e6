#include "audit/world.h"

using namespace everseal;
using namespace everseal::audit;
using namespace everseal::audit::testing;

TEST_CASE("a leaf speaks for its names and for no others") {
  struct Row {
    const char* names;
    const char* asked;
    bool speaks;
  };
  const Row rows[] = {
      {"www.example.org", "www.example.org", true},
      {"www.example.org", "WWW.Example.ORG", true},
      {"www.example.org", "example.org", false},
      {"www.example.org", "w.www.example.org", false},
      {"*.example.org", "www.example.org", true},
      {"*.example.org", "example.org", false},
      {"*.example.org", "a.b.example.org", false},
      {"192.0.2.7", "192.0.2.7", true},
      {"192.0.2.7", "192.0.2.8", false},
      {"2001:db8::1", "2001:db8:0::1", true},
      {"www.example.org", "192.0.2.7", false},
  };
  for (const auto& [names, asked, speaks] : rows) {
    CAPTURE(names);
    CAPTURE(asked);
    Sight seen = sight_of_leaf(issue(server_template(names, world().key), world().issuing), kNow);
    seen.asked = {Identifier::parse(asked)};
    CHECK(found_in(seen, kNow) == (speaks ? Names{} : Names{"name-mismatch error"}));
  }
}

TEST_CASE("the common name does not count, and it is said") {
  pki::Template wanted = server_template("www.example.org", world().key);
  wanted.identifiers.clear();
  const auto findings = judge(sight_of_leaf(issue(wanted, world().issuing), kNow), {}, kNow);
  REQUIRE(names_of(findings) == Names{"name-mismatch error"});
  CHECK(findings.front().what.raw().find("common name does not count") != std::string::npos);
}

TEST_CASE("of many names a few are shown, and what nobody asked for is not judged") {
  pki::Template wanted = server_template("a0.example.org", world().key);
  for (int i = 1; i < 100; ++i) wanted.identifiers.push_back(Identifier::parse(fmt::format("a{}.example.org", i)));
  Sight seen = sight_of_leaf(issue(wanted, world().issuing), kNow);
  const auto findings = judge(seen, {}, kNow);
  REQUIRE(names_of(findings) == Names{"name-mismatch error"});
  CHECK(findings.front().what.raw().ends_with("a4.example.org and 95 more"));
  seen.asked.clear();
  CHECK(found_in(seen, kNow).empty());
  seen.asked = {Identifier::parse("a7.example.org"), Identifier::parse("a8.example.org")};
  CHECK(found_in(seen, kNow).empty());
}

TEST_CASE("what a certificate says stands in a finding as it is, to be escaped once") {
  pki::Template wanted = lived(server_template("www.example.org", world().key), 90 * kDay, kNow - 89 * kDay);
  wanted.identifiers.clear();
  wanted.subject = pki::DistinguishedName::parse("CN=a\\\\b");
  const auto findings = judge(sight_of_leaf(issue(wanted, world().issuing), kNow), {}, kNow);
  const auto expiring =
      std::ranges::find(findings, std::string_view("expiring"), [](const Finding& one) { return one.rule->id; });
  REQUIRE(expiring != findings.end());
  CHECK(expiring->what.raw().starts_with("a\\b (serial "));
}
