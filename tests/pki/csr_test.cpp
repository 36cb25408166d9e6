#include "pki/csr.h"

#include "fakes/temporary_directory.h"
#include "judge.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace everseal::pki {
namespace {

using Kind = GeneralName::Kind;

struct WantedCsr {
  std::string subject = "CN=test\n";  // lines of OpenSSL's configuration
  std::string request;
  std::string extensions;
  std::string sections;
  std::string key = std::string(PrivateKey::generate(KeyType::ecdsa_p256).pem().reveal_text());
};

// A request that the openssl program made, as DER.
base::Bytes make_csr(const WantedCsr& wanted) {
  const fakes::TemporaryDirectory directory;
  base::write_file(directory / "key", base::as_bytes(wanted.key));
  base::write_file(
      directory / "config",
      base::as_bytes("[req]\nprompt=no\nutf8=yes\nstring_mask=utf8only\ndistinguished_name=dn\n" +
                     std::string(wanted.extensions.empty() ? "" : "req_extensions=ext\n") + wanted.request + "[dn]\n" +
                     wanted.subject + "[ext]\n" + wanted.extensions + wanted.sections));
  return base::to_bytes(judge::run(
      {"openssl", "req", "-new", "-key", directory / "key", "-config", directory / "config", "-outform", "DER"}));
}

std::vector<Identifier> identifiers(std::initializer_list<const char*> texts) {
  std::vector<Identifier> result;
  for (const char* text : texts) result.push_back(Identifier::parse(text));
  return result;
}

TEST_CASE("a request with every key type is accepted by openssl, certtool and Everseal") {
  const CsrRequest wanted{DistinguishedName::parse("C=DE, O=Acme\\, Inc., CN=Bücher"),
                          identifiers({"www.example.org", "*.example.org", "bücher.example", "192.0.2.1", "2001:db8::1",
                                       "joe@example.org", "spiffe://example.org/x"})};
  for (const KeyType type : {KeyType::ecdsa_p256, KeyType::ecdsa_p384, KeyType::rsa_2048, KeyType::ed25519}) {
    CAPTURE(to_string(type));
    const PrivateKey key = PrivateKey::generate(type);
    const base::Bytes der = make_csr(wanted, key);
    const base::Exit verdict = judge::attempt({"openssl", "req", "-inform", "DER", "-verify", "-noout", "-text"}, der);
    CHECK(verdict.success());
    CHECK(judge::contains(verdict.errors, "verify OK"));
    CHECK(judge::contains(verdict.output,
                          "DNS:www.example.org, DNS:*.example.org, DNS:xn--bcher-kva.example, IP Address:192.0.2.1, "
                          "IP Address:2001:DB8:0:0:0:0:0:1, email:joe@example.org, URI:spiffe://example.org/x"));
    CHECK(judge::contains(verdict.output, "Version: 1"));
    CHECK_FALSE(judge::contains(verdict.output, "Alternative Name: critical"));
    CHECK(judge::contains(judge::run({"certtool", "--crq-info", "--inder"}, der), "Self signature: verified"));

    const std::string pem = csr_pem(der);
    CHECK(judge::run({"openssl", "req"}, base::as_bytes(pem)) == pem);
    const Csr read = Csr::parse(base::as_bytes(pem));
    CHECK(read.der == der);
    CHECK(read.public_key_info == key.public_key_info());
    CHECK(public_key_info_in(der) == key.public_key_info());
    CHECK(read.public_key.type == type);
    CHECK(read.subject == wanted.subject);
    CHECK(covers(read.names, wanted.identifiers));
    CHECK(read.names.size() == wanted.identifiers.size());
    CHECK(read.extensions.empty());
    CHECK_FALSE(read.asks_for_ca);
  }
}

TEST_CASE("the string types and criticality of a request are those of RFC 5280") {
  const PrivateKey key = PrivateKey::generate(KeyType::ecdsa_p256);
  const base::Bytes named = make_csr(
      {DistinguishedName::parse("C=DE, serialNumber=12-34, O=Acme, DC=example, emailAddress=joe@example.org"), {}},
      key);
  const std::string parsed = judge::run({"openssl", "asn1parse", "-inform", "DER"}, named);
  for (const char* part : {"PRINTABLESTRING   :DE", "PRINTABLESTRING   :12-34", "UTF8STRING        :Acme",
                           "IA5STRING         :example", "IA5STRING         :joe@example.org"}) {
    CAPTURE(part);
    CHECK(judge::contains(parsed, part));
  }
  CHECK_FALSE(judge::contains(parsed, "Extension Request"));
  const base::Bytes nameless = make_csr({{}, identifiers({"example.org"})}, key);
  CHECK(judge::contains(judge::run({"openssl", "req", "-inform", "DER", "-noout", "-text"}, nameless),
                        "Alternative Name: critical"));
  CHECK(Csr::parse(nameless).subject.empty());
}

TEST_CASE("a request that cannot be encoded is not made") {
  const PrivateKey key = PrivateKey::generate(KeyType::ed25519);
  DistinguishedName unknown;
  unknown.rdns = {{"1.2.3.4", "x"}};
  DistinguishedName control;
  control.rdns = {{"CN", "a\nb"}};
  DistinguishedName longer;
  longer.rdns = {{"CN", std::string(65, 'x')}};
  for (const DistinguishedName& subject : {DistinguishedName(), unknown, control, longer}) {
    CAPTURE(subject.text());
    CHECK(judge::fault_of([&] { make_csr({subject, {}}, key); }) == base::Fault::invalid);
  }
}

TEST_CASE("what a request asks for is listed") {
  const Csr read = Csr::parse(make_csr({.subject = "C=DE\nbusinessCategory=x\nCN=Bücher\n",
                                    .request = "attributes=attr\n",
                                    .extensions = "basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign\n"
                                                  "1.2.3.4=DER:0500\nextendedKeyUsage=serverAuth\n"
                                                  "subjectAltName=DNS:a.example,IP:192.0.2.1,RID:1.2.3\n",
                                    .sections = "[attr]\nchallengePassword=secret\nunstructuredName=x\n"}));
  CHECK(read.asks_for_ca);
  CHECK(read.extensions == std::vector<std::string>{"basicConstraints", "keyUsage", "1.2.3.4", "extendedKeyUsage"});
  CHECK(read.names == std::vector<GeneralName>{{Kind::dns, base::Untrusted("a.example")},
                                               {Kind::ip, base::Untrusted("192.0.2.1")},
                                               {Kind::other, base::Untrusted("registeredID 1.2.3")}});
  CHECK(read.subject.rdns == decltype(read.subject.rdns){{"C", "DE"}, {"2.5.4.15", "x"}, {"CN", "Bücher"}});
  const Csr modest = Csr::parse(make_csr({.extensions = "basicConstraints=CA:FALSE\n"}));
  CHECK_FALSE(modest.asks_for_ca);
  CHECK(modest.names.empty());
}

TEST_CASE("a key that Everseal does not issue for is named, not hidden") {
  const std::string key = judge::run({"openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"});
  const Csr read = Csr::parse(make_csr({.key = key}));
  CHECK_FALSE(read.public_key.type.has_value());
  CHECK(read.public_key.text == "ECDSA P-521");
}

TEST_CASE("requests that other programs write are read") {
  const fakes::TemporaryDirectory directory;
  const PrivateKey key = PrivateKey::generate(KeyType::rsa_2048);
  base::write_file(directory / "key", key.pem().reveal());
  base::write_file(directory / "template", base::as_bytes("cn = \"x\"\ndns_name = \"a.example\"\n"));
  const std::string certtool = judge::run(
      {"certtool", "--generate-request", "--load-privkey", directory / "key", "--template", directory / "template"});
  CHECK(Csr::parse(base::as_bytes(certtool)).public_key_info == key.public_key_info());
  CHECK(judge::contains(certtool, "BEGIN NEW CERTIFICATE REQUEST"));
  CHECK(Csr::parse(base::as_bytes(certtool)).names.at(0).value.raw() == "a.example");
}

TEST_CASE("requests that break a rule are refused, and the rule is named") {
  const auto many = [](int count) {
    std::string section = "[names]\n";
    for (int i = 0; i < count; ++i) section += fmt::format("DNS.{}=h{}.example\n", i, i);
    return make_csr({.extensions = "subjectAltName=@names\n", .sections = section});
  };
  CHECK(Csr::parse(many(1000)).names.size() == 1000);

  const base::Bytes good = make_csr({.extensions = "subjectAltName=DNS:a.example\n"});
  const std::string pem = csr_pem(good);
  base::Bytes bad_signature = good;
  bad_signature.back() ^= 1;
  base::Bytes trailing = good;
  trailing.push_back(0);
  const PrivateKey other = PrivateKey::generate(KeyType::ecdsa_p256);
  const std::pair<const char*, base::Bytes> rejects[] = {
      {"neither PEM nor DER", {}},
      {"neither PEM nor DER", base::to_bytes("hello")},
      {"larger", base::Bytes(256 * 1024 + 1)},
      {"broken", trailing},
      {"signature", bad_signature},
      {"signature", judge::patched(good, Csr::parse(good).public_key_info, other.public_key_info())},
      {"signature", judge::patched(good, "a.example", "b.example")},
      {"version", judge::patched(good, base::Bytes{0x02, 0x01, 0x00, 0x30}, base::Bytes{0x02, 0x01, 0x01, 0x30})},
      {"more than one", base::to_bytes(pem + pem)},
      {"PRIVATE KEY", base::to_bytes(other.pem().reveal_text())},
      {"twice", make_csr({.extensions = "basicConstraints=CA:FALSE\n2.5.29.19=DER:3000\n"})},
      {"twice", make_csr({.extensions = "subjectAltName=DNS:a.example\n2.5.29.17=DER:300b8209622e6578616d706c65\n"})},
      {"empty", make_csr({.extensions = "subjectAltName=DER:3000\n"})},
      {"subject alternative name is broken", make_csr({.extensions = "subjectAltName=DER:0500\n"})},
      {"subject alternative name is broken", make_csr({.extensions = "subjectAltName=DER:300b8209622e6578616d706c6500\n"})},
      {"basicConstraints is broken", make_csr({.extensions = "basicConstraints=DER:0500\n"})},
      {"1001 names", many(1001)},
  };
  for (const auto& [rule, bytes] : rejects) {
    CAPTURE(rule);
    CHECK(judge::fault_of([&] { Csr::parse(bytes); }) == base::Fault::invalid);
    const std::string message = judge::message_of([&] { Csr::parse(bytes); });
    CAPTURE(message);
    CHECK(judge::contains(message, rule));
  }
}

TEST_CASE("cut and damaged requests are refused") {
  const auto parser = [](base::BytesView bytes) { Csr::parse(bytes); };
  const base::Bytes der = make_csr({.subject = "C=DE\nO=Acme\nCN=x\n",
                                .extensions = "basicConstraints=CA:TRUE\nsubjectAltName=DNS:a.example,IP:192.0.2.1\n"});
  judge::check_prefixes_are_refused(der, parser);
  const std::string pem = csr_pem(der);
  judge::check_prefixes_are_refused(base::as_bytes(pem).first(pem.size() - 1), parser);
  CHECK(judge::check_damage_is_survived(der, parser, 1000) > 1990);
}

}  // namespace
}  // namespace everseal::pki
