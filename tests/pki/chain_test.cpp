#include "pki/chain.h"

#include "base/error.h"
#include "pki/issued.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace {

using namespace everseal;
using namespace everseal::pki;
using namespace everseal::pki::testing;

// Root, issuing CA and leaf with keys of their own.
struct World {
  Authority root = make_root();
  Authority issuing = make_intermediate(root);
  PrivateKey key = key_of(KeyType::ecdsa_p256, 2);
  Certificate leaf = issue(server_template("www.example.org", key), issuing);

  Verdict verify_leaf(const Certificate& one, base::Time at = kNow, Purpose purpose = Purpose::server) const {
    return verify(one, std::span(&issuing.certificate, 1), std::span(&root.certificate, 1), at, purpose);
  }
};

Certificate stranger() { return make_root(KeyType::ecdsa_p256, 9, "Stranger").certificate; }

std::vector<Certificate> order(std::vector<Certificate> certificates, const Signer* key = nullptr,
                               RootPolicy root = RootPolicy::keep) {
  return order_chain(std::move(certificates), key, root);
}

Crl crl_of(const Authority& authority, std::vector<RevokedEntry> entries, base::Time at = kNow) {
  CrlRequest request{1, at - kDay, at + kDay, std::move(entries)};
  return Crl::parse(make_crl(request, authority.certificate, authority.key));
}

}  // namespace

TEST_CASE("a chain in any order is put in order") {
  const World world;
  const std::vector<Certificate> right = {world.leaf, world.issuing.certificate, world.root.certificate};
  std::vector<std::size_t> turn = {0, 1, 2};
  do {
    std::vector<Certificate> given;
    for (const std::size_t i : turn) given.push_back(right[i]);
    CHECK(order(given) == right);
    CHECK(order(given, &world.key) == right);
    CHECK(order(given, nullptr, RootPolicy::drop) == std::vector{world.leaf, world.issuing.certificate});
  } while (std::ranges::next_permutation(turn).found);
}

TEST_CASE("duplicates and strangers are dropped") {
  const World world;
  const std::vector<Certificate> right = {world.leaf, world.issuing.certificate};
  CHECK(order({world.issuing.certificate, world.leaf, world.issuing.certificate, world.leaf}) == right);
  CHECK(order({stranger(), world.issuing.certificate, world.leaf}) == right);
  CHECK(order({stranger(), world.issuing.certificate, world.leaf}, &world.key) == right);
}

TEST_CASE("a certificate with the issuer's name and another key is a stranger") {
  const World world;
  const Authority impostor = make_intermediate(world.root, KeyType::ecdsa_p256, 8);
  CHECK(order({impostor.certificate, world.leaf, world.issuing.certificate}, &world.key) ==
        std::vector{world.leaf, world.issuing.certificate});
}

TEST_CASE("the key tells the leaf where the structure does not") {
  const World world;
  const PrivateKey& other_key = key_of(KeyType::ed25519, 3);
  const Certificate other = issue(server_template("other.example.org", other_key), world.issuing);
  const std::vector<Certificate> both = {other, world.issuing.certificate, world.leaf};
  CHECK(order(both, &world.key).front() == world.leaf);
  CHECK(order(both, &other_key).front() == other);
  CHECK_THROWS_AS(order(both), base::Error);
  CHECK(order({world.leaf, world.issuing.certificate}, &world.issuing.key) == std::vector{world.issuing.certificate});
}

TEST_CASE("no leaf, no chain") {
  const World world;
  CHECK_THROWS_AS(order({}), base::Error);
  CHECK_THROWS_AS(order({world.leaf, world.issuing.certificate}, &key_of(KeyType::ed25519, 5)), base::Error);
}

TEST_CASE("a lone self-signed certificate is its own chain") {
  const World world;
  CHECK(order({world.root.certificate}, nullptr, RootPolicy::drop) == std::vector{world.root.certificate});
}

TEST_CASE("a cross-signed CA leads on, its self-signed twin ends the chain") {
  const World world;
  const Authority elder = make_root(KeyType::ecdsa_p256, 6, "Elder");
  Template cross = ca_template("Root", world.root.key);
  const Certificate crossed = issue(cross, elder);
  CHECK(order({world.root.certificate, elder.certificate, crossed, world.issuing.certificate, world.leaf}) ==
        std::vector{world.leaf, world.issuing.certificate, crossed, elder.certificate});
  CHECK(order({world.root.certificate, world.issuing.certificate, world.leaf}).back() == world.root.certificate);
}

TEST_CASE("a key matches the certificates made for it, in every encoding of its public half") {
  for (const KeyType type : kAllKeyTypes) {
    CAPTURE(to_string(type));
    const Certificate certificate = make_root(type).certificate;
    CHECK(key_matches(key_of(type, 0), certificate));
    CHECK_FALSE(key_matches(key_of(type, 1), certificate));
    CHECK_FALSE(key_matches(key_of(type == KeyType::ed25519 ? KeyType::ecdsa_p256 : KeyType::ed25519, 0), certificate));
  }
  const Scratch scratch;
  const PrivateKey& key = key_of(KeyType::ecdsa_p256);
  const base::Exit made =
      run({"openssl", "pkey", "-pubout", "-outform", "DER", "-ec_conv_form", "compressed"}, key.pem().reveal_text());
  REQUIRE_MESSAGE(made.success(), made.errors);
  Template wanted = server_template("a.example", key);
  wanted.public_key_info = base::to_bytes(made.output);
  REQUIRE(wanted.public_key_info != key.public_key_info());
  CHECK(key_matches(key, issue(wanted, make_root())));
}

TEST_CASE("who signed whom") {
  const World world;
  CHECK(is_signed_by(world.leaf, world.issuing.certificate));
  CHECK(is_signed_by(world.issuing.certificate, world.root.certificate));
  CHECK(is_signed_by(world.root.certificate, world.root.certificate));
  CHECK_FALSE(is_signed_by(world.leaf, world.root.certificate));
  CHECK_FALSE(is_signed_by(world.leaf, world.leaf));
  CHECK_FALSE(is_signed_by(world.leaf, make_intermediate(world.root, KeyType::ecdsa_p256, 8).certificate));
  base::Bytes broken = world.leaf.der();
  broken.back() ^= 1;
  CHECK_FALSE(is_signed_by(Certificate::parse(broken), world.issuing.certificate));
}

TEST_CASE("a signature is checked whatever the algorithm, as openssl makes it") {
  const Scratch scratch;
  const std::vector<std::vector<std::string>> ways{{"ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-sha256"},
                                                   {"ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-sha512"},
                                                   {"ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-sha384"},
                                                   {"ec", "-pkeyopt", "ec_paramgen_curve:P-521", "-sha256"},
                                                   {"rsa:2048", "-sha256"},
                                                   {"rsa:2048", "-sha512"},
                                                   {"rsa:2048", "-sha1"},
                                                   {"rsa:2048", "-sha256", "-sigopt", "rsa_padding_mode:pss"},
                                                   {"rsa-pss", "-pkeyopt", "rsa_keygen_bits:2048", "-sha256"},
                                                   {"ed25519"},
                                                   {"ed448"}};
  for (const auto& way : ways) {
    std::string all;
    for (const std::string& word : way) all += word + " ";
    CAPTURE(all);
    std::vector<std::string> words{"openssl", "req",   "-x509",  "-nodes", "-keyout", scratch.path("key.pem"),
                                   "-subj",   "/CN=x", "-newkey"};
    words.insert(words.end(), way.begin(), way.end());
    const base::Exit made = run(words);
    REQUIRE_MESSAGE(made.success(), made.errors);
    const Certificate good = Certificate::parse_all(base::as_bytes(made.output)).front();
    CHECK(is_signed_by(good, good));
    for (const std::size_t at : {good.der().size() / 3, good.der().size() - 1}) {
      base::Bytes broken = good.der();
      broken[at] ^= 1;
      std::optional<Certificate> other;
      try {
        other = Certificate::parse(broken);
      } catch (const base::Error&) {
        continue;
      }
      CHECK_FALSE(is_signed_by(*other, good));
    }
  }
}

TEST_CASE("a certificate that names two signature algorithms is signed by nobody") {
  const World world;
  const base::Bytes ecdsa_with_sha256 = base::from_hex("06082a8648ce3d040302").value();
  base::Bytes changed = world.leaf.der();
  const auto outer = std::ranges::find_end(changed, ecdsa_with_sha256);
  REQUIRE_FALSE(outer.empty());
  *(outer.end() - 1) = 3;  // ecdsa-with-SHA384
  CHECK_FALSE(is_signed_by(Certificate::parse(changed), world.issuing.certificate));
}

TEST_CASE("good chains verify, with the path that was found") {
  for (const KeyType type : kAllKeyTypes) {
    CAPTURE(to_string(type));
    const Authority root = make_root(type);
    const Authority issuing = make_intermediate(root, type, 0);
    const Certificate leaf = issue(server_template("www.example.org", key_of(type, 1)), issuing);
    const Verdict verdict = verify(leaf, std::vector{stranger(), issuing.certificate}, std::vector{root.certificate},
                                   kNow, Purpose::server);
    CHECK_MESSAGE(verdict.valid, verdict.problem);
    CHECK(verdict.problem.empty());
    CHECK(verdict.path == std::vector{leaf, issuing.certificate, root.certificate});
  }
}

TEST_CASE("bad chains are told by depth and problem") {
  const World world;
  const PrivateKey& key = world.key;
  const auto leaf_under = [&](const Authority& issuer, const std::function<void(Template&)>& change = {}) {
    Template wanted = server_template("www.example.org", key);
    if (change) change(wanted);
    return issue(wanted, issuer);
  };
  const auto issuing_with = [&](const std::function<void(Template&)>& change) {
    Template wanted = ca_template("Odd", key_of(KeyType::ecdsa_p256, 5));
    change(wanted);
    return Authority{issue(wanted, world.root), key_of(KeyType::ecdsa_p256, 5)};
  };
  const auto check = [&](std::string_view what, const Certificate& leaf, const std::vector<Certificate>& untrusted,
                         base::Time at, Purpose purpose, std::string_view problem, int depth) {
    CAPTURE(what);
    const Verdict verdict = verify(leaf, untrusted, std::span(&world.root.certificate, 1), at, purpose);
    CHECK_FALSE(verdict.valid);
    CHECK_MESSAGE(verdict.problem.find(problem) != std::string::npos, verdict.problem);
    CHECK(verdict.depth == depth);
  };
  const std::vector<Certificate> usual = {world.issuing.certificate};

  check("expired", world.leaf, usual, kNow + 91 * kDay, Purpose::server, "expired", 0);
  check("not yet valid", world.leaf, usual, kNow - 2 * kDay, Purpose::server, "not yet valid", 2);
  check("wrong purpose", world.leaf, usual, kNow, Purpose::client, "purpose", 0);
  check("missing intermediate", world.leaf, {}, kNow, Purpose::server, "unable to get local issuer", 0);
  check("stranger", stranger(), {}, kNow, Purpose::any, "self-signed", 0);
  check("swapped: the CA where the leaf belongs, to no anchor", world.leaf, {stranger()}, kNow, Purpose::any,
        "unable to get local issuer", 0);
  base::Bytes broken = world.leaf.der();
  broken.back() ^= 1;
  check("altered signature", Certificate::parse(broken), usual, kNow, Purpose::server, "signature", 0);

  const Authority no_sign = issuing_with([](Template& t) { t.key_usage = {"cRLSign"}; });
  check("CA without keyCertSign", leaf_under(no_sign), {no_sign.certificate}, kNow, Purpose::any, "", 1);
  const Authority no_ca = issuing_with([](Template& t) { t.is_ca = false, t.key_usage = {"digitalSignature"}; });
  check("issuer that is no CA", leaf_under(no_ca), {no_ca.certificate}, kNow, Purpose::any, "", 1);
  const Authority below = make_intermediate(world.issuing, KeyType::ecdsa_p256, 6, "Below");
  check("path length", leaf_under(below), {below.certificate, world.issuing.certificate}, kNow, Purpose::any,
        "path length", 2);
  const Authority bound = issuing_with([](Template& t) { t.permitted = {NameConstraint::parse("example.com")}; });
  check("name constraints", leaf_under(bound), {bound.certificate}, kNow, Purpose::any, "permitted subtree", 0);
  const Authority aged = issuing_with([](Template& t) { t.not_after = kNow - base::Seconds(10); });
  check("expired intermediate", leaf_under(aged), {aged.certificate}, kNow, Purpose::any, "expired", 1);
}

TEST_CASE("an intermediate is no anchor") {
  const World world;
  const Verdict verdict = verify(world.leaf, {}, std::span(&world.issuing.certificate, 1), kNow, Purpose::any);
  CHECK_FALSE(verdict.valid);
  CHECK(verdict.path.empty());
}

TEST_CASE("a public key that nobody can use is a problem and no exception") {
  const World world;
  Template wanted = server_template("www.example.org", world.key);
  // A point that is not on the curve.
  wanted.public_key_info.back() ^= 1;
  const Verdict verdict = world.verify_leaf(issue(wanted, world.issuing));
  CHECK_FALSE(verdict.valid);
  CHECK_FALSE(verdict.problem.empty());
}

TEST_CASE("revocation is checked where there is a CRL, and only there") {
  const World world;
  const auto verify_with = [&](const std::vector<Crl>& crls) {
    return verify(world.leaf, std::span(&world.issuing.certificate, 1), std::span(&world.root.certificate, 1), kNow,
                  Purpose::server, crls);
  };
  const RevokedEntry leaf_entry{world.leaf.serial(), kNow - base::Seconds(60), RevocationReason::key_compromise};
  const RevokedEntry issuing_entry{world.issuing.certificate.serial(), kNow, RevocationReason::superseded};

  CHECK(verify_with({crl_of(world.issuing, {})}).valid);
  CHECK(verify_with({crl_of(world.issuing, {{"0102", kNow}}), crl_of(world.root, {})}).valid);
  CHECK(verify_with({crl_of(make_root(KeyType::ecdsa_p256, 9, "Stranger"), {leaf_entry})}).valid);

  const Verdict revoked = verify_with({crl_of(world.issuing, {leaf_entry})});
  CHECK_FALSE(revoked.valid);
  CHECK(revoked.problem == "certificate revoked");
  CHECK(revoked.depth == 0);
  const Verdict revoked_ca = verify_with({crl_of(world.issuing, {}), crl_of(world.root, {issuing_entry})});
  CHECK_FALSE(revoked_ca.valid);
  CHECK(revoked_ca.depth == 1);

  const Verdict old = verify_with({crl_of(world.issuing, {}, kNow - 10 * kDay)});
  CHECK_FALSE(old.valid);
  CHECK(old.problem == "CRL has expired");
  Authority impostor = world.issuing;
  impostor.key = key_of(KeyType::ecdsa_p256, 8);
  impostor.certificate = make_intermediate(world.root, KeyType::ecdsa_p256, 8).certificate;
  CHECK_FALSE(verify_with({crl_of(impostor, {})}).valid);
}
