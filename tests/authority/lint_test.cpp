#include "authority/lint.h"

#include "fixture.h"
#include "pki/issuance.h"

#include <algorithm>
#include <set>

#include <doctest/doctest.h>

namespace everseal::authority {
namespace {

// A CA and a leaf template that break no rule, to be bent one rule at a time.
struct Bench {
  const Time now = base::wall_clock();
  const pki::PrivateKey& key = key_of(pki::KeyType::ecdsa_p256);
  pki::Template root{.serial = pki::random_serial(),
                     .subject = pki::DistinguishedName::parse("CN=root"),
                     .public_key_info = key.public_key_info(),
                     .not_before = now - std::chrono::days{1},
                     .not_after = now + std::chrono::days{3000},
                     .is_ca = true,
                     .path_length = 1,
                     .key_usage = {"keyCertSign", "cRLSign"}};
  pki::Template leaf{.serial = pki::random_serial(),
                     .subject = pki::DistinguishedName::parse("CN=www.example.org"),
                     .identifiers = identifiers({"www.example.org"}),
                     .public_key_info = key_of(pki::KeyType::rsa_2048).public_key_info(),
                     .not_before = now,
                     .not_after = now + std::chrono::days{90},
                     .key_usage = {"digitalSignature", "keyEncipherment"},
                     .extended_key_usage = {"serverAuth"}};
  pki::Certificate issuer = pki::Certificate::parse(pki::sign_certificate(root, nullptr, key));

  std::vector<std::string> broken_leaf(const std::function<void(pki::Template&)>& bend) const {
    pki::Template bent = leaf;
    bend(bent);
    return rules(lint(pki::Certificate::parse(pki::sign_certificate(bent, &issuer, key)), issuer, Kind::leaf));
  }
  std::vector<std::string> broken_ca(Kind kind, const std::function<void(pki::Template&)>& bend) const {
    pki::Template bent = root;
    bend(bent);
    const auto made = pki::Certificate::parse(pki::sign_certificate(bent, kind == Kind::root ? nullptr : &issuer, key));
    return rules(lint(made, kind == Kind::root ? made : issuer, kind));
  }
  static std::vector<std::string> rules(const std::vector<Refusal>& refusals) {
    std::vector<std::string> all;
    for (const Refusal& refusal : refusals) all.push_back(refusal.rule);
    return all;
  }
};

}  // namespace

TEST_CASE("the linter names the rule that a leaf breaks") {
  const Bench bench;
  CHECK(bench.broken_leaf([](pki::Template&) {}).empty());
  struct Row {
    std::string_view rule;
    std::function<void(pki::Template&)> bend;
  };
  const Row rows[] = {
      {"serial", [](auto& t) { t.serial = {1}; }},
      {"validity", [&](auto& t) { t.not_after = bench.issuer.not_after() + base::Seconds{1}; }},
      {"validity", [&](auto& t) { t.not_before = bench.issuer.not_before() - base::Seconds{1}; }},
      {"server-lifetime", [](auto& t) { t.not_after = t.not_before + std::chrono::days{825}; }},
      {"basic-constraints", [](auto& t) { t.is_ca = true; }},
      {"key-usage",
       [](auto& t) {
         t.key_usage = {"digitalSignature", "keyCertSign"};
       }},
      {"key-usage", [](auto& t) { t.key_usage = {}; }},
      {"key-usage", [](auto& t) { t.public_key_info = key_of(pki::KeyType::ed25519).public_key_info(); }},
      {"extended-key-usage", [](auto& t) { t.extended_key_usage = {}; }},
      {"extended-key-usage", [](auto& t) { t.extended_key_usage = {"anyExtendedKeyUsage"}; }},
      {"subject-alt-name", [](auto& t) { t.identifiers = {}; }},
      {"common-name", [](auto& t) { t.subject = pki::DistinguishedName::parse("CN=mail.example.org"); }},
      {"email", [](auto& t) { t.subject = pki::DistinguishedName::parse("emailAddress=bob@example.org"); }},
      {"spiffe",
       [](auto& t) {
         t.identifiers = identifiers({"spiffe://a/b", "https://example.org/"});
       }},
      {"urls", [](auto& t) { t.crl_urls = {"https://example.org/crl"}; }},
  };
  for (const Row& row : rows) {
    const auto broken = bench.broken_leaf(row.bend);
    CAPTURE(row.rule);
    CAPTURE(broken.size());
    CHECK(std::ranges::find(broken, row.rule) != broken.end());
  }
}

TEST_CASE("the linter names the rule that a CA breaks") {
  const Bench bench;
  CHECK(bench.broken_ca(Kind::root, [](pki::Template&) {}).empty());
  CHECK(bench.broken_ca(Kind::intermediate, [](pki::Template&) {}).empty());
  struct Row {
    std::string_view rule;
    Kind kind;
    std::function<void(pki::Template&)> bend;
  };
  const Row rows[] = {
      {"ca-subject", Kind::root, [](auto& t) { t.subject = pki::DistinguishedName::parse("O=Example"); }},
      {"basic-constraints", Kind::intermediate, [](auto& t) { t.path_length.reset(); }},
      {"key-usage", Kind::intermediate, [](auto& t) { t.key_usage = {"keyCertSign"}; }},
      {"extended-key-usage", Kind::root, [](auto& t) { t.extended_key_usage = {"serverAuth"}; }},
      {"validity", Kind::intermediate, [](auto& t) { t.not_after += std::chrono::days{1}; }},
  };
  for (const Row& row : rows) {
    const auto broken = bench.broken_ca(row.kind, row.bend);
    CAPTURE(row.rule);
    CHECK(std::ranges::find(broken, row.rule) != broken.end());
  }
}

TEST_CASE("the linter knows the CA by its name's octets and its key") {
  const Bench bench;
  pki::Template other = bench.root;
  other.subject = pki::DistinguishedName::parse("CN=another");
  const auto& key = key_of(pki::KeyType::ecdsa_p384);
  other.public_key_info = key.public_key_info();
  const auto stranger = pki::Certificate::parse(pki::sign_certificate(other, nullptr, key));
  const auto leaf = pki::Certificate::parse(pki::sign_certificate(bench.leaf, &bench.issuer, bench.key));
  const auto broken = Bench::rules(lint(leaf, stranger, Kind::leaf));
  CHECK(broken == std::vector<std::string>{"issuer", "key-ids"});
}

TEST_CASE("damaged DER is a broken rule and never a crash") {
  const Bench bench;
  const base::Bytes der = pki::sign_certificate(bench.leaf, &bench.issuer, bench.key);
  std::set<std::string> hit;
  for (std::size_t at = 0; at < der.size(); ++at) {
    for (const std::uint8_t octet : {std::uint8_t{0x00}, std::uint8_t{0x80}, std::uint8_t{0xff}}) {
      base::Bytes damaged = der;
      damaged[at] = octet;
      try {
        for (const std::string& rule : Bench::rules(lint(pki::Certificate::parse(damaged), bench.issuer, Kind::leaf)))
          hit.insert(rule);
      } catch (const base::Error& error) {
        CHECK(error.fault() == Fault::invalid);
      }
    }
  }
  // What one octet can break, whatever the keys and the serial are.
  for (const std::string rule : {"issuer", "key-ids", "extensions", "key-usage", "extended-key-usage"}) {
    CAPTURE(rule);
    CHECK(hit.contains(rule));
  }
}

}  // namespace everseal::authority
