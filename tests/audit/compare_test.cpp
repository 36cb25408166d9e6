#include "audit/compare.h"

#include "audit/world.h"

#include <algorithm>

using namespace everseal;
using namespace everseal::audit;
using namespace everseal::audit::testing;

namespace {

Certificate leaf_for(std::initializer_list<const char*> names, const pki::Signer& key, std::string serial = {}) {
  pki::Template wanted = server_template(*names.begin(), key);
  wanted.identifiers.clear();
  for (const char* const name : names) wanted.identifiers.push_back(Identifier::parse(name));
  if (!serial.empty()) wanted.serial = *base::from_hex(serial);
  return issue(wanted, world().issuing);
}

const pki::PrivateKey& first_key() { return key_of(KeyType::ecdsa_p256, 2); }
const pki::PrivateKey& second_key() { return key_of(KeyType::ecdsa_p256, 3); }

const Criteria kNoCriteria;

Shown shown(std::string place, std::string endpoint, const Certificate& leaf) {
  return audit::shown(std::move(place), std::move(endpoint), leaf, kNoCriteria);
}

// Whatever the order they are seen in.
std::vector<Finding> compared(std::vector<Shown> all) {
  std::vector<Finding> found;
  for (int turn = 0; turn < 2; ++turn) {
    Comparison comparison;
    for (const Shown& one : all) comparison.add(one);
    std::vector<Finding> again = comparison.findings();
    if (turn == 1) {
      REQUIRE(again.size() == found.size());
      for (std::size_t i = 0; i < found.size(); ++i) {
        CHECK(identity(again[i]) == identity(found[i]));
        CHECK(again[i].what == found[i].what);
      }
    }
    found = std::move(again);
    std::ranges::reverse(all);
  }
  return found;
}

}  // namespace

TEST_CASE("a key is used again where its certificates have no name in common") {
  const Certificate a = leaf_for({"a.example"}, first_key()), b = leaf_for({"b.example"}, first_key());
  const Certificate more = leaf_for({"a.example", "c.example"}, first_key());
  const Certificate other = leaf_for({"b.example"}, second_key());
  const auto names = [](std::vector<std::pair<const char*, Certificate>> seen) {
    std::vector<Shown> all;
    for (const auto& [place, leaf] : seen) all.push_back(shown(place, "", leaf));
    return names_of(compared(std::move(all)));
  };
  CHECK(names({{"1", a}, {"2", b}}) == Names{"key-reused warning"});
  CHECK(names({{"1", a}, {"1", b}}) == Names{"key-reused warning"});
  CHECK(names({{"1", a}, {"2", a}, {"3", a}}).empty());  // one certificate at nginx, Postfix and Dovecot
  CHECK(names({{"1", a}, {"2", more}}).empty());
  CHECK(names({{"1", a}, {"2", other}}).empty());
  CHECK(names({}).empty());
}

TEST_CASE("a serial number is used again where an issuer gave it to two certificates") {
  const Certificate a = leaf_for({"a.example"}, first_key(), "0102030405"),
                    b = leaf_for({"b.example"}, second_key(), "0102030405");
  CHECK(names_of(compared({shown("1", "", a), shown("2", "", b)})) == Names{"serial-reused error"});
  CHECK(compared({shown("1", "", a), shown("2", "", a)}).empty());
  CHECK(compared({shown("1", "", a), shown("2", "", leaf_for({"b.example"}, second_key(), "0102030406"))}).empty());
  pki::Template wanted = server_template("c.example", key_of(KeyType::ecdsa_p256, 4));
  wanted.serial = *base::from_hex("0102030405");
  CHECK(compared({shown("1", "", a), shown("2", "", issue(wanted, world().root))}).empty());
}

TEST_CASE("certificates that signed themselves have issuers of their own, whatever they are called") {
  const auto localhost = [](const pki::Signer& key) {
    pki::Template wanted = server_template("localhost", key);
    wanted.serial = *base::from_hex("01");
    return Certificate::parse(sign_certificate(wanted, nullptr, key));
  };
  CHECK(compared({shown("1", "", localhost(first_key())), shown("2", "", localhost(second_key()))}).empty());
}

TEST_CASE("what is compared is judged by the criteria of the first place's environment") {
  Criteria strict, plain;
  strict.severities["key-reused"] = Severity::critical;
  const Certificate a = leaf_for({"a.example"}, first_key()), b = leaf_for({"b.example"}, first_key());
  CHECK(names_of(compared({audit::shown("1", "", a, strict), audit::shown("2", "", b, plain)})) ==
        Names{"key-reused critical"});
  CHECK(names_of(compared({audit::shown("1", "", a, plain), audit::shown("2", "", b, strict)})) ==
        Names{"key-reused warning"});
}

TEST_CASE("addresses of one endpoint agree, the kinds of keys held apart, and two leafs are one finding") {
  const Certificate old = leaf_for({"a.example"}, first_key()), fresh = leaf_for({"a.example"}, second_key());
  const Certificate rsa = leaf_for({"a.example"}, key_of(KeyType::rsa_2048, 1));
  const auto all = [](std::vector<Certificate> leafs, const char* endpoint) {
    std::vector<Shown> seen;
    for (std::size_t i = 0; i < leafs.size(); ++i)
      seen.push_back(shown(fmt::format("a.example:443 [192.0.2.{}]", i), endpoint, leafs[i]));
    return compared(std::move(seen));
  };
  const auto findings = all({old, fresh, old}, "a.example:443");
  REQUIRE(names_of(findings) == Names{"addresses-differ warning"});
  CHECK(findings.front().place == "a.example:443 [192.0.2.0]");
  CHECK(findings.front().fields.size() == 3);
  CHECK(all({old, old, old}, "a.example:443").empty());
  CHECK(all({old, rsa, old, rsa}, "a.example:443").empty());
  CHECK(all({old, fresh}, "").empty());
  CHECK(compared({shown("1", "a.example:443", old), shown("2", "a.example:8443", fresh)}).empty());
}

TEST_CASE("what is served is what lies there, an hour after it came") {
  const Certificate old = world().leaf_of(90 * kDay, kNow - 60 * kDay), fresh = world().leaf_of(90 * kDay, kNow);
  const auto names = [](const Certificate& served, const Certificate& lies, std::optional<Time> since) {
    return names_of(judge_served("here", served, {"/etc/tls/fullchain.pem", lies, since}, {}, kNow));
  };
  CHECK(names(old, fresh, std::nullopt) == Names{"served-differs error"});
  CHECK(names(fresh, old, std::nullopt) == Names{"served-differs warning"});
  CHECK(names(fresh, fresh, std::nullopt).empty());
  CHECK(names(old, fresh, kNow - Seconds(3599)).empty());
  CHECK(names(old, fresh, kNow - Seconds(3600)) == Names{"served-differs error"});
}

TEST_CASE("an old version of a managed certificate is named, an hour after the newer one came into use") {
  const Certificate old = world().leaf_of(90 * kDay, kNow - 60 * kDay);
  Superseded superseded{
      .name = "www", .served = 2, .in_use = 3, .ends = kNow + 80 * kDay, .where = "was deployed to nginx"};
  superseded.since = kNow - Seconds(3599);
  CHECK(judge_superseded("here", old, superseded, {}, kNow).empty());
  superseded.since = kNow - Seconds(3600);
  const auto findings = judge_superseded("here", old, superseded, {}, kNow);
  REQUIRE(names_of(findings) == Names{"superseded-served error"});
  CHECK(findings.front().certificate == old.fingerprint());
  CHECK(findings.front().what.raw() ==
        fmt::format("version 2 of www is served; version 3, until {}, was deployed to nginx: `everseal deploy www`",
                    base::format_time(superseded.ends).substr(0, 10)));
}

TEST_CASE("an edge passes on by TLS what leaves the host, and verifies whom it speaks to") {
  using Transport = Upstream::Transport;
  const auto names = [](Transport transport, bool leaves_host) {
    return names_of(judge_upstream("here", {"http://10.0.0.5:8080", transport, leaves_host}, {}));
  };
  CHECK(names(Transport::plain, true) == Names{"upstream-plain warning"});
  CHECK(names(Transport::unverified, true) == Names{"upstream-unverified warning"});
  CHECK(names(Transport::verified, true).empty());
  CHECK(names(Transport::plain, false).empty());
  CHECK(names(Transport::unverified, false).empty());
}

TEST_CASE("a host that gives no CRL is told once, at its own place") {
  Criteria criteria;
  const auto findings = judge_fetch("crl.example", Unfetched::failed, "it does not answer", criteria);
  REQUIRE(names_of(findings) == Names{"revocation-unknown warning"});
  CHECK(findings.front().place == "crl.example");
  CHECK(names_of(judge_fetch("crl.example", Unfetched::not_asked, "x", criteria)) ==
        Names{"revocation-unknown notice"});
  criteria.severities = {{"revocation-unknown", Severity::error}};
  CHECK(names_of(judge_fetch("crl.example", Unfetched::failed, "x", criteria)) == Names{"revocation-unknown error"});
}

TEST_CASE("a file's key, readers and renewal are told where they were looked for") {
  const auto names = [](Stored stored, Role role = Role::server) {
    Sight seen = sight_of_leaf(world().leaf, kNow);
    seen.stored = stored;
    seen.role = role;
    return found_in(seen, kNow);
  };
  CHECK(names({}).empty());
  CHECK(names({.key_matches = true, .is_read = true, .is_renewed = true}).empty());
  CHECK(names({.key_matches = false}) == Names{"key-mismatch error"});
  CHECK(names({.is_read = false}) == Names{"file-unread notice"});
  CHECK(names({.is_read = true, .is_renewed = false}) == Names{"file-unrenewed notice"});
  CHECK(names({.is_read = false, .is_renewed = false}) == Names{"file-unread notice"});
  CHECK(names({.is_renewed = false}).empty());
  CHECK(names({.key_matches = false, .is_read = false}, Role::anchor).empty());
  Stored troubled;
  troubled.troubles = {{"encrypted", "no password opens it"}, {"broken", "certificate 2 is broken"}};
  CHECK(names(troubled) == Names{"file-unreadable error"});
}
