#include "authority/policy.h"

#include "authority/profile.h"
#include "fixture.h"

#include <doctest/doctest.h>

namespace everseal::authority {

TEST_CASE("a pattern holds what it says and nothing beside it") {
  struct Row {
    std::string_view pattern;
    std::vector<std::string_view> inside, outside;
  };
  const Row rows[] = {
      {"*", {"www.example.org", "*.example.org", "10.0.0.1", "bob@example.org", "spiffe://trust/web"}, {}},
      {"www.example.org",
       {"www.example.org", "WWW.Example.ORG"},
       {"example.org", "a.www.example.org", "*.example.org"}},
      {"*.example.org",
       {"www.example.org", "a.b.example.org", "*.example.org", "*.a.example.org"},
       {"example.org", "badexample.org", "example.org.evil.test", "bob@www.example.org", "10.0.0.1"}},
      {"10.0.0.0/8", {"10.0.0.1", "10.255.255.255"}, {"11.0.0.1", "fd00::1", "10.example.org"}},
      {"10.1.2.3", {"10.1.2.3"}, {"10.1.2.4"}},
      {"fd00::/8", {"fd12::1"}, {"fe80::1", "10.0.0.1"}},
      {"bob@example.org", {"bob@example.org"}, {"alice@example.org", "example.org"}},
      {"*@example.org", {"bob@example.org"}, {"bob@www.example.org", "example.org"}},
      {"spiffe://trust/web", {"spiffe://trust/web"}, {"spiffe://trust/web/a"}},
      {"spiffe://trust/*", {"spiffe://trust/web", "spiffe://trust/a/b"}, {"spiffe://trust", "spiffe://trusty/a"}},
      {"https://example.org/a/*", {"https://example.org/a/b"}, {"https://example.org/a/../b", "https://example.org/b"}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.pattern);
    const Pattern pattern = Pattern::parse(row.pattern);
    for (const auto text : row.inside) CHECK_MESSAGE(pattern.contains(pki::Identifier::parse(text)), text);
    for (const auto text : row.outside) CHECK_MESSAGE(!pattern.contains(pki::Identifier::parse(text)), text);
  }
}

TEST_CASE("a pattern that could be misread is refused") {
  for (const std::string_view text : {"", "*.*.example.org", "www.*.org", "*example.org", "spiffe://trust*", "*@*",
                                      "10.0.0.1/8", "10.0.0.0/33", "*@", "*.", "a b", "*@*.example.org"}) {
    CAPTURE(text);
    CHECK(thrown([&] { Pattern::parse(text); }).fault == Fault::config);
  }
}

TEST_CASE("a deny list also stops a wildcard that would speak for a denied name") {
  const auto touches = [](std::string_view pattern, std::string_view identifier) {
    return Pattern::parse(pattern).touches(pki::Identifier::parse(identifier));
  };
  CHECK(touches("www.example.org", "*.example.org"));
  CHECK(touches("*.example.org", "*.example.org"));
  CHECK(touches("https://example.org/a/*", "https://example.org/b/../a/c"));
  CHECK_FALSE(touches("a.www.example.org", "*.example.org"));
  CHECK_FALSE(touches("www.example.org", "*.example.net"));
}

TEST_CASE("every broken rule of a policy is named with its owner") {
  Policy policy;
  policy.allow = {Pattern::parse("*.example.org")};
  policy.deny = {Pattern::parse("secret.example.org")};
  policy.longest = std::chrono::days{30};
  policy.keys = {pki::KeyType::ed25519};
  pki::Template wanted;
  wanted.identifiers = identifiers({"evil.test", "secret.example.org", "www.example.org"});
  wanted.not_before = Time{};
  wanted.not_after = Time{} + std::chrono::days{31};
  const auto refusals = check(policy, "profile device", wanted, pki::KeyType::rsa_2048);
  REQUIRE(refusals.size() == 4);
  CHECK(refusals[0].message == "identifier evil.test: not in the allow list of profile device");
  CHECK(refusals[1].message ==
        "identifier secret.example.org: denied by \"secret.example.org\" in the deny list of profile device");
  CHECK(refusals[2].rule == "lifetime");
  CHECK(refusals[3].message == "key rsa-2048: not among the key types of profile device");

  wanted.identifiers = identifiers({"www.example.org"});
  wanted.not_after = Time{} + std::chrono::days{30} - base::Seconds{1};
  CHECK(check(policy, "profile device", wanted, pki::KeyType::ed25519).empty());
  wanted.not_after += base::Seconds{1};  // both ends count
  CHECK(check(policy, "profile device", wanted, pki::KeyType::ed25519).size() == 1);
}

TEST_CASE("the operator's profiles stand beside and before the built-in ones") {
  Profile device;
  device.name = name("device");
  device.usage = {"clientAuth"};
  device.subject = {"o", "CN"};
  Profile server = builtin_profiles().front();
  server.lifetime = std::chrono::days{7};
  Profile web;  // as a table that says nothing of the longest life
  web.name = name("web");
  web.usage = {"serverAuth"};
  const auto profiles = merge_profiles({device, server, web});
  REQUIRE(profiles.size() == 5);
  CHECK(find_profile(profiles, name("web")).policy.longest == kLongestServer);
  CHECK(find_profile(profiles, name("device")).policy.longest == std::nullopt);
  CHECK(find_profile(profiles, name("server")).lifetime == std::chrono::days{7});
  CHECK(find_profile(profiles, name("device")).subject == std::vector<std::string>{"O", "CN"});
  CHECK(thrown([&] { find_profile(profiles, name("nobody")); }).fault == Fault::usage);
}

TEST_CASE("a profile that breaks a rule is refused") {
  const auto refused = [](const std::function<void(Profile&)>& change) {
    Profile profile = builtin_profiles().front();
    change(profile);
    return thrown([&] { merge_profiles({profile}); });
  };
  CHECK(refused([](Profile&) {}).fault == std::nullopt);
  CHECK(contains(refused([](Profile& p) { p.usage.clear(); }).message, "names no usage"));
  CHECK(contains(refused([](Profile& p) { p.usage = {"anyExtendedKeyUsage"}; }).message, "anyExtendedKeyUsage"));
  CHECK(contains(refused([](Profile& p) { p.lifetime = std::chrono::days{900}; }).message, "longer than its longest"));
  CHECK(contains(refused([](Profile& p) { p.policy.longest = std::chrono::days{900}; }).message, "825 days"));
  CHECK(contains(refused([](Profile& p) { p.subject = {"XX"}; }).message, "XX"));
}

}  // namespace everseal::authority
