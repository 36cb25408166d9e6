#include "pki/pem.h"

#include "found_text.h"
#include "pki/issued.h"
#include "pki/judge.h"

#include <doctest/doctest.h>

namespace everseal::discover {
namespace {

using namespace testing;
using pki::KeyType;
using pki::testing::key_of;

struct Material {
  pki::testing::Authority root = pki::testing::make_root();
  pki::testing::Authority issuer = pki::testing::make_intermediate(root);
  const pki::PrivateKey& key = key_of(KeyType::ecdsa_p256, 7);
  pki::Certificate leaf = pki::testing::issue(pki::testing::server_template("www.example.org", key), issuer);
  std::string leaf_pem = leaf.pem();
  std::string issuer_pem = issuer.certificate.pem();
  std::string key_pem{key.pem().reveal_text()};
  std::string other_key{key_of(KeyType::rsa_2048, 8).pem().reveal_text()};
};

const Material& material() {
  static const Material made;
  return made;
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

TEST_CASE("a PEM file gives each certificate with its position, and whether a key beside it is its own") {
  const Material& m = material();
  const std::string cut = m.leaf_pem.substr(0, m.leaf_pem.size() / 2);
  const std::string damaged = replaced(m.leaf_pem, "\nMII", "\n!II");
  const std::string no_certificate = pki::pem("CERTIFICATE", base::to_bytes("nonsense"));
  const std::string encrypted{m.key.encrypted_pem(base::Secret(std::string_view("secret"))).reveal_text()};
  struct {
    const char* what;
    std::string text, found;
  } rows[] = {
      {"one", m.leaf_pem, "pem: 1 www.example.org"},
      {"a chain", m.leaf_pem + m.issuer_pem, "pem: 1 www.example.org, 2 Issuing"},
      {"text around", "Subject: x\n" + m.leaf_pem + "\n-- bye --\n", "pem: 1 www.example.org"},
      {"NUL and other octets around", std::string("\xff\x00\x01\n", 4) + m.leaf_pem + "\n\xfe",
       "pem: 1 www.example.org"},
      {"CRLF", replaced(m.leaf_pem, "\n", "\r\n"), "pem: 1 www.example.org"},
      {"CR", replaced(m.leaf_pem, "\n", "\r"), "pem: 1 www.example.org"},
      {"indented, as in a manifest", replaced(m.leaf_pem, "\n", "\n    "), "pem: 1 www.example.org"},
      {"the older label", replaced(m.leaf_pem, " CERTIFICATE", " X509 CERTIFICATE"), "pem: 1 www.example.org"},
      {"with its key", m.leaf_pem + m.issuer_pem + m.key_pem, "pem: 1 www.example.org/matches, 2 Issuing/other"},
      {"its key first", m.key_pem + m.leaf_pem, "pem: 1 www.example.org/matches"},
      {"another's key", m.leaf_pem + m.other_key, "pem: 1 www.example.org/other"},
      {"both keys", m.other_key + m.leaf_pem + m.key_pem, "pem: 1 www.example.org/matches"},
      {"an encrypted key", m.leaf_pem + encrypted, "pem: 1 www.example.org/unknown"},
      {"an older encrypted key",
       m.leaf_pem + "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nQUJD\n"
                    "-----END RSA PRIVATE KEY-----\n",
       "pem: 1 www.example.org/unknown"},
      {"a key alone", m.key_pem, "pem: "},
      {"a damaged one before", damaged + m.issuer_pem, "pem: 2 Issuing; broken"},
      {"one that is none", m.leaf_pem + no_certificate + m.issuer_pem, "pem: 1 www.example.org, 3 Issuing; broken"},
      {"a cut one at the end", m.issuer_pem + cut, "pem: 1 Issuing; truncated"},
      {"a cut one before another", cut + "\n" + m.issuer_pem, "pem: 2 Issuing; broken"},
      {"a wrong END label", replaced(m.leaf_pem, "END CERTIFICATE", "END X"), "pem: ; broken"},
      {"a damaged BEGIN line", replaced(m.leaf_pem, "BEGIN CERTIFICATE-----", "BEGIN CERTIFICATE----") + m.issuer_pem,
       "pem: 2 Issuing; broken"},
      {"a damaged key", m.leaf_pem + pki::pem("PRIVATE KEY", base::to_bytes("nonsense")),
       "pem: 1 www.example.org/unknown; broken"},
      // Nothing to tell of:
      {"nothing", "", "none: "},
      {"text", "hello\nworld\n", "none: "},
      {"a request", "-----BEGIN CERTIFICATE REQUEST-----\nQUJD\n-----END CERTIFICATE REQUEST-----\n", "none: "},
      {"parameters", "-----BEGIN DH PARAMETERS-----\nQUJD\n-----END DH PARAMETERS-----\n", "none: "},
      {"a key of SSH", "-----BEGIN OPENSSH PRIVATE KEY-----\nQUJD\n-----END OPENSSH PRIVATE KEY-----\n", "none: "},
      {"a message with a checksum", "-----BEGIN PGP MESSAGE-----\n\nQUJD\n=abcd\n-----END PGP MESSAGE-----\n",
       "none: "},
      {"in the middle of a line", "x -----BEGIN CERTIFICATE-----", "none: "},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what);
    CHECK(contents_of(row.text) == row.found);
  }
}

TEST_CASE("a certificate with what it is trusted for behind it is one of a trust store") {
  const Material& m = material();
  const std::string trusted =
      judge::run({"openssl", "x509", "-trustout", "-addtrust", "serverAuth"}, base::as_bytes(m.issuer_pem));
  REQUIRE(trusted.find("TRUSTED CERTIFICATE") != std::string::npos);
  CHECK(contents_of(trusted) == "pem: 1 Issuing (trust store)");
}

TEST_CASE("ten roots and no key are a trust store, nine or one leaf among them are none") {
  std::string roots;
  for (int i = 0; i < 10; ++i) {
    if (i == 9) CHECK_FALSE(contents_of(base::as_bytes(roots)).is_trust_store);
    roots += pki::testing::make_root(KeyType::ecdsa_p256, 0, fmt::format("Root {}", i)).certificate.pem();
  }
  CHECK(contents_of(base::as_bytes(roots)).is_trust_store);
  CHECK_FALSE(contents_of(base::as_bytes(roots + material().leaf_pem)).is_trust_store);
  CHECK_FALSE(contents_of(base::as_bytes(roots + material().key_pem)).is_trust_store);
}

TEST_CASE("a key is told by the digest of its public half, whatever its type") {
  const Material& m = material();
  const File file = contents_of(base::as_bytes(m.key_pem));
  REQUIRE(file.keys.size() == 1);
  CHECK(file.keys[0].pin == m.leaf.spki_pin());
  for (const std::vector<std::string>& how :
       {std::vector<std::string>{"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"},
        {"-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"},
        {"-algorithm", "ed448"}}) {
    std::vector<std::string> command{"openssl", "genpkey"};
    command.insert(command.end(), how.begin(), how.end());
    const std::string key = judge::run(command);
    const std::string public_der = judge::run({"openssl", "pkey", "-pubout", "-outform", "DER"}, base::as_bytes(key));
    const File other = contents_of(base::as_bytes(key));
    REQUIRE(other.keys.size() == 1);
    CHECK(other.keys[0].pin == pki::sha256(base::as_bytes(public_der)));
  }
}

TEST_CASE("a file that is named as a certificate and holds none is told of") {
  struct {
    std::string path, text, found;
  } rows[] = {
      {"/etc/x.crt", "hello", "none: ; broken"},
      {"/etc/x.PEM", "", "none: ; truncated"},
      {"/etc/x.p12", std::string("\0\1\2", 3), "none: ; broken"},
      {"/etc/x.pem", "-----BEGIN DH PARAMETERS-----\nQUJD\n-----END DH PARAMETERS-----\n", "none: "},
      {"/etc/x.txt", "hello", "none: "},
      {"/etc/crt", "hello", "none: "},
  };
  for (const auto& row : rows) {
    CAPTURE(row.path);
    CHECK(to_text(contents_of(base::as_bytes(row.text), row.path)) == row.found);
  }
}

TEST_CASE("PEM that is damaged anywhere is survived") {
  survive_damage(base::as_bytes(material().leaf_pem + material().key_pem));
}

}  // namespace
}  // namespace everseal::discover
