#include "pki/issuance.h"

#include "base/error.h"
#include "pki/digest.h"
#include "pki/issued.h"

#include <algorithm>
#include <functional>
#include <set>

#include <doctest/doctest.h>

namespace {

using namespace everseal;
using namespace everseal::pki;
using namespace everseal::pki::testing;

base::Bytes octets(std::string_view hex) { return *base::from_hex(hex); }

base::Bytes tagged_text(std::uint8_t tag, std::string_view text) {
  base::Bytes bytes(2 + text.size());
  bytes[0] = tag;
  bytes[1] = static_cast<std::uint8_t>(text.size());
  std::ranges::copy(text, bytes.begin() + 2);
  return bytes;
}

Certificate self_signed(const std::function<void(Template&)>& change) {
  const PrivateKey& key = key_of(KeyType::ecdsa_p256);
  Template wanted = ca_template("Root", key);
  change(wanted);
  return Certificate::parse(sign_certificate(wanted, nullptr, key));
}

}  // namespace

TEST_CASE("every key type signs for every key type, and two strangers accept the chain") {
  for (const KeyType ca_type : kAllKeyTypes) {
    const Authority root = make_root(ca_type, 0);
    const Authority issuing = make_intermediate(root, ca_type, 0);
    for (const KeyType leaf_type : kAllKeyTypes) {
      CAPTURE(to_string(ca_type));
      CAPTURE(to_string(leaf_type));
      Template wanted = server_template("www.example.org", key_of(leaf_type, 1));
      wanted.crl_urls = {"http://pki.example.org/ca.crl"};
      wanted.issuer_urls = {"http://pki.example.org/ca.cer"};
      const Certificate leaf = issue(wanted, issuing);
      const base::Exit openssl = openssl_verify(leaf, {issuing.certificate}, root.certificate, "www.example.org");
      CHECK_MESSAGE(openssl.success(), openssl.errors);
      const base::Exit gnutls = gnutls_verify(leaf, {issuing.certificate}, root.certificate, "www.example.org");
      CHECK_MESSAGE(gnutls.success(), gnutls.output);
      CHECK_FALSE(openssl_verify(leaf, {issuing.certificate}, root.certificate, "other.example.org").success());
    }
  }
}

TEST_CASE("what is in the template is in the certificate") {
  const Authority root = make_root();
  const PrivateKey& key = key_of(KeyType::ecdsa_p256, 2);
  Template wanted = server_template("www.example.org", key);
  wanted.serial = octets("7f010203");
  wanted.subject = DistinguishedName::parse("C=DE, O=Ährenfeld GmbH, serialNumber=HRB 1, CN=www.example.org");
  wanted.identifiers = {Identifier::parse("www.example.org"), Identifier::parse("*.example.org"),
                        Identifier::parse("10.1.2.3"),        Identifier::parse("2001:db8::1"),
                        Identifier::parse("ops@example.org"), Identifier::parse("spiffe://example.org/web")};
  wanted.key_usage = {"digitalSignature", "keyEncipherment"};
  wanted.extended_key_usage = {"serverAuth", "clientAuth", "1.3.6.1.4.1.99999.1"};
  wanted.crl_urls = {"http://a.example/x.crl", "http://b.example/x.crl"};
  wanted.issuer_urls = {"http://a.example/ca.cer"};
  const Certificate made = issue(wanted, root);

  CHECK(made.serial() == "7f010203");
  CHECK(made.subject_name() == wanted.subject);
  CHECK(made.issuer_der() == root.certificate.subject_der());
  CHECK(made.not_before() == wanted.not_before);
  CHECK(made.not_after() == wanted.not_after);
  CHECK(covers(made.names(), wanted.identifiers));
  CHECK(made.names().size() == wanted.identifiers.size());
  CHECK(made.public_key_info() == key.public_key_info());
  CHECK(made.key_usage() == wanted.key_usage);
  CHECK(made.extended_key_usage() == wanted.extended_key_usage);
  CHECK_FALSE(made.is_ca());
  CHECK(made.authority_key_id() == root.certificate.subject_key_id());
  REQUIRE(made.crl_urls().size() == 2);
  CHECK(made.crl_urls()[1].raw() == "http://b.example/x.crl");
  REQUIRE(made.issuer_urls().size() == 1);
  CHECK(made.issuer_urls()[0].raw() == "http://a.example/ca.cer");
}

TEST_CASE("names are written in the string types of RFC 5280") {
  const Certificate made = self_signed([](Template& wanted) {
    wanted.subject =
        DistinguishedName::parse("C=DE, DC=example, O=Acme, serialNumber=A-1, emailAddress=ca@example.org, CN=Root");
  });
  CHECK(contains(made.subject_der(), tagged_text(0x13, "DE")));
  CHECK(contains(made.subject_der(), tagged_text(0x16, "example")));
  CHECK(contains(made.subject_der(), tagged_text(0x0c, "Acme")));
  CHECK(contains(made.subject_der(), tagged_text(0x13, "A-1")));
  CHECK(contains(made.subject_der(), tagged_text(0x16, "ca@example.org")));
  CHECK(contains(made.subject_der(), tagged_text(0x0c, "Root")));
}

TEST_CASE("times are UTCTime through 2049 and GeneralizedTime beyond") {
  const std::pair<std::string_view, base::Bytes> cases[] = {
      {"2026-11-23T12:00:01Z", tagged_text(0x17, "261123120001Z")},
      {"2049-12-31T23:59:59Z", tagged_text(0x17, "491231235959Z")},
      {"2050-01-01T00:00:00Z", tagged_text(0x18, "20500101000000Z")},
      {"9999-12-31T23:59:59Z", tagged_text(0x18, "99991231235959Z")},
  };
  for (const auto& [text, encoded] : cases) {
    CAPTURE(text);
    const base::Time when = *base::parse_time(text);
    const Certificate made = self_signed([when](Template& wanted) {
      wanted.not_before = when;
      wanted.not_after = when;
    });
    CHECK(contains(made.der(), encoded));
    CHECK(made.not_after() == when);
  }
}

TEST_CASE("the serial number keeps its sign and its shortest form") {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"01", "020101"},
      {"000001", "020101"},
      {"80", "02020080"},
      {"7f0102030405060708090a0b0c0d0e0f10111213", "02147f0102030405060708090a0b0c0d0e0f10111213"},
  };
  for (const auto& [serial, encoded] : cases) {
    CAPTURE(serial);
    const Certificate made = self_signed([&, wish = octets(serial)](Template& wanted) { wanted.serial = wish; });
    CHECK(contains(base::BytesView(made.der()).first(48), octets(encoded)));
  }
}

TEST_CASE("criticality follows RFC 5280") {
  const Authority root = make_root();
  SUBCASE("a name in the subject leaves the alternative names uncritical") {
    const std::string text = openssl_text(issue(server_template("a.example", key_of(KeyType::ed25519)), root));
    CHECK(text.find("X509v3 Subject Alternative Name: \n") != std::string::npos);
    CHECK(text.find("X509v3 Basic Constraints: critical\n                CA:FALSE") != std::string::npos);
    CHECK(text.find("X509v3 Key Usage: critical\n                Digital Signature\n") != std::string::npos);
    CHECK(text.find("X509v3 Extended Key Usage: \n") != std::string::npos);
  }
  SUBCASE("an empty subject makes them critical") {
    Template wanted = server_template("a.example", key_of(KeyType::ed25519));
    wanted.subject = {};
    const Certificate made = issue(wanted, root);
    CHECK(openssl_text(made).find("X509v3 Subject Alternative Name: critical\n") != std::string::npos);
    CHECK(openssl_verify(made, {}, root.certificate, "a.example").success());
  }
  SUBCASE("a CA's path length and usage") {
    const Certificate made = self_signed([](Template& wanted) { wanted.path_length = 1; });
    const std::string text = openssl_text(made);
    CHECK(text.find("X509v3 Basic Constraints: critical\n                CA:TRUE, pathlen:1") != std::string::npos);
    CHECK(text.find("X509v3 Key Usage: critical\n                Certificate Sign, CRL Sign\n") != std::string::npos);
    CHECK(text.find("Authority Key Identifier") == std::string::npos);
    CHECK(text.find("Extended Key Usage") == std::string::npos);
  }
}

TEST_CASE("every key usage takes its bit") {
  const std::vector<std::string> all = {"digitalSignature", "contentCommitment", "keyEncipherment",
                                        "dataEncipherment", "keyAgreement",      "keyCertSign",
                                        "cRLSign",          "encipherOnly",      "decipherOnly"};
  for (const std::string& one : all) {
    CAPTURE(one);
    CHECK(self_signed([&](Template& wanted) { wanted.key_usage = {one}; }).key_usage() ==
          std::vector<std::string>{one});
  }
  CHECK(self_signed([&](Template& wanted) { wanted.key_usage = {all.rbegin(), all.rend()}; }).key_usage() == all);
}

TEST_CASE("the subject key identifier is the one of RFC 7093, and the issuer's is copied") {
  const Authority root = make_root(KeyType::ed25519);
  // An Ed25519 SubjectPublicKeyInfo ends with the 32 octets that the identifier is made of.
  const base::Bytes& info = root.key.public_key_info();
  const Sha256 digest = sha256(base::BytesView(info).last(32));
  CHECK(root.certificate.subject_key_id() == base::Bytes(digest.begin(), digest.begin() + 20));
  CHECK(issue(server_template("a.example", key_of(KeyType::ed25519, 1)), root).authority_key_id() ==
        root.certificate.subject_key_id());
}

TEST_CASE("the issuer's name is copied octet for octet from a CA that somebody else made") {
  const Scratch scratch;
  const std::string key_file = scratch.path("ca.key");
  const std::string certificate_file = scratch.path("ca.pem");
  const std::string config = scratch.write("ca.cnf",
                                           "[req]\nprompt=no\ndistinguished_name=dn\nx509_extensions=x\n"
                                           "string_mask=default\n[dn]\nO=Acme\nCN=Foreign Root\n"
                                           "[x]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n"
                                           "subjectKeyIdentifier=hash\n");
  const base::Exit made = run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                               "-nodes", "-keyout", key_file, "-out", certificate_file, "-config", config});
  REQUIRE_MESSAGE(made.success(), made.errors);
  const Authority foreign{Certificate::parse_all(base::read_file(certificate_file, 1 << 20)).at(0),
                          PrivateKey::parse(base::Secret(base::read_file(key_file, 1 << 20)))};
  // A string type that Everseal never writes there itself.
  REQUIRE(contains(foreign.certificate.subject_der(), tagged_text(0x13, "Foreign Root")));
  const Certificate leaf = issue(server_template("a.example", key_of(KeyType::ecdsa_p256, 1)), foreign);
  CHECK(leaf.issuer_der() == foreign.certificate.subject_der());
  CHECK(leaf.authority_key_id() == foreign.certificate.subject_key_id());
}

TEST_CASE("a given subject is used as it stands") {
  const Authority old_root = make_root(KeyType::ecdsa_p256, 3, "Old");
  Template cross = ca_template("ignored", key_of(KeyType::ecdsa_p256, 4));
  cross.subject_der = old_root.certificate.subject_der();
  CHECK(issue(cross, make_root()).subject_der() == old_root.certificate.subject_der());
}

TEST_CASE("name constraints bind those who verify") {
  const Authority root = make_root();
  const PrivateKey& key = key_of(KeyType::ecdsa_p256, 1);
  Template wanted = ca_template("Bound", key);
  for (const char* text : {"example.org", "10.1.0.0/16", "fd00::/8"})
    wanted.permitted.push_back(NameConstraint::parse(text));
  for (const char* text : {"secret.example.org", "10.1.2.0/23"}) wanted.excluded.push_back(NameConstraint::parse(text));
  const Authority bound{issue(wanted, root), key};
  const std::string text = openssl_text(bound.certificate);
  CHECK(text.find("X509v3 Name Constraints: critical\n") != std::string::npos);
  CHECK(text.find("IP:10.1.0.0/255.255.0.0") != std::string::npos);
  CHECK(text.find("IP:10.1.2.0/255.255.254.0") != std::string::npos);

  const std::pair<std::string_view, bool> cases[] = {
      {"example.org", true},  {"www.example.org", true}, {"secret.example.org", false}, {"a.secret.example.org", false},
      {"example.com", false}, {"10.1.9.9", true},        {"10.1.3.9", false},           {"10.2.0.1", false},
      {"fd12::1", true},      {"2001:db8::1", false},
  };
  for (const auto& [name, accepted] : cases) {
    CAPTURE(name);
    Template leaf = server_template("example.org", key_of(KeyType::ecdsa_p256, 2));
    leaf.subject = {};
    leaf.identifiers = {Identifier::parse(name)};
    const Certificate made = issue(leaf, bound);
    const base::Exit openssl = openssl_verify(made, {bound.certificate}, root.certificate, "");
    CHECK_MESSAGE(openssl.success() == accepted, openssl.errors);
    const base::Exit gnutls = gnutls_verify(made, {bound.certificate}, root.certificate, "");
    CHECK_MESSAGE(gnutls.success() == accepted, gnutls.output);
  }
}

TEST_CASE("a template that cannot be encoded is refused with its rule") {
  struct Case {
    std::string_view rule;
    std::function<void(Template&)> change;
  };
  const Case cases[] = {
      {"serial number is zero", [](Template& t) { t.serial = {}; }},
      {"serial number is zero",
       [](Template& t) {
         t.serial = {0, 0};
       }},
      {"more than 20 octets", [](Template& t) { t.serial = base::Bytes(21, 0x11); }},
      {"more than 20 octets", [](Template& t) { t.serial = base::Bytes(20, 0x81); }},
      {"end before it begins", [](Template& t) { t.not_after = t.not_before - base::Seconds(1); }},
      {"years 0 to 9999", [](Template& t) { t.not_after = base::from_unix(253402300800); }},
      {"a CA needs a subject", [](Template& t) { t.subject = {}; }},
      {"needs a subject or an identifier", [](Template& t) { t.subject = {}, t.is_ca = false; }},
      {"public key", [](Template& t) { t.public_key_info = key_of(KeyType::ed25519).public_key_info(); }},
      {"unknown attribute",
       [](Template& t) {
         t.subject.rdns = {{"XX", "y"}};
       }},
      {"C cannot be used",
       [](Template& t) {
         t.subject.rdns = {{"C", "Germany"}};
       }},
      {"CN cannot be used",
       [](Template& t) {
         t.subject.rdns = {{"CN", std::string(65, 'x')}};
       }},
      {"CN cannot be used",
       [](Template& t) {
         t.subject.rdns = {{"CN", std::string("a\0b", 3)}};
       }},
      {"subject", [](Template& t) { t.subject_der = octets("3003020101ff"); }},
      {"no key usage", [](Template& t) { t.key_usage = {"signing"}; }},
      {"no object identifier", [](Template& t) { t.extended_key_usage = {"webServing"}; }},
      {"path length", [](Template& t) { t.path_length = -1; }},
      {"path length", [](Template& t) { t.is_ca = false, t.path_length = 0; }},
      {"name constraints", [](Template& t) { t.is_ca = false, t.permitted = {NameConstraint::parse("a.example")}; }},
      {"no URL", [](Template& t) { t.crl_urls = {"http://x/\ny"}; }},
      {"no URL", [](Template& t) { t.issuer_urls = {""}; }},
  };
  for (const Case& one : cases) {
    CAPTURE(one.rule);
    try {
      self_signed(one.change);
      FAIL("was signed");
    } catch (const base::Error& error) {
      CHECK(error.fault() == base::Fault::invalid);
      CHECK_MESSAGE(error.message().find(one.rule) != std::string::npos, error.message());
    }
  }
}

TEST_CASE("a key that is not the issuer's signs nothing") {
  const Authority root = make_root();
  const Template wanted = server_template("a.example", key_of(KeyType::ecdsa_p256, 1));
  CHECK_THROWS_AS(sign_certificate(wanted, &root.certificate, key_of(KeyType::ecdsa_p256, 1)), base::Error);
}

TEST_CASE("a malformed public key is not signed") {
  const Authority root = make_root();
  for (const std::string_view hex : {"", "3000", "30053003020101", "300a300506032b6570030105"}) {
    CAPTURE(hex);
    Template wanted = server_template("a.example", key_of(KeyType::ecdsa_p256, 1));
    wanted.public_key_info = octets(hex);
    CHECK_THROWS_AS(issue(wanted, root), base::Error);
  }
}

TEST_CASE("random serials are positive, of 20 octets, and differ") {
  std::set<base::Bytes> seen;
  for (int i = 0; i < 1000; ++i) {
    const base::Bytes serial = random_serial();
    REQUIRE(serial.size() == 20);
    REQUIRE(serial[0] >= 1);
    REQUIRE(serial[0] <= 0x7f);
    seen.insert(serial);
  }
  CHECK(seen.size() == 1000);
}
