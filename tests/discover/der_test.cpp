#include "found_text.h"
#include "pki/issued.h"
#include "pki/judge.h"
#include "pki/pem.h"

#include <doctest/doctest.h>

namespace everseal::discover {
namespace {

using namespace testing;
using pki::KeyType;

base::Bytes together(std::initializer_list<base::BytesView> parts) {
  base::Bytes all;
  for (const base::BytesView part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

TEST_CASE("DER files give their certificates and keys, and tell what is cut") {
  const pki::testing::Authority root = pki::testing::make_root();
  const pki::PrivateKey& key = pki::testing::key_of(KeyType::ecdsa_p256, 7);
  const base::Bytes leaf = pki::testing::issue(pki::testing::server_template("www.example.org", key), root).der();
  const base::Secret key_der = key.der();
  const base::BytesView ca = root.certificate.der();
  base::Bytes damaged = leaf;
  damaged[leaf.size() / 4] ^= 0xff;
  damaged[6] = 0xff;
  struct {
    const char* what;
    base::Bytes octets;
    std::string found;
  } rows[] = {
      {"one", leaf, "der: 1 www.example.org"},
      {"two in a row", together({leaf, ca}), "der: 1 www.example.org, 2 Root"},
      {"with its key", together({key_der.reveal(), leaf}), "der: 1 www.example.org/matches"},
      {"a line end behind it", together({leaf, base::as_bytes("\r\n")}), "der: 1 www.example.org"},
      {"something else behind it", together({leaf, base::as_bytes("hello")}), "der: 1 www.example.org; broken"},
      {"one octet short", base::Bytes(leaf.begin(), leaf.end() - 1), "der: ; truncated"},
      {"its head only", base::Bytes(leaf.begin(), leaf.begin() + 20), "der: ; truncated"},
      {"a second one cut", together({ca, base::BytesView(leaf).first(100)}), "der: 1 Root; truncated"},
      {"a key", base::Bytes(key_der.reveal().begin(), key_der.reveal().end()), "der: "},
      {"text that begins with 0", base::to_bytes("0 is a number"), "none: "},
      {"a SEQUENCE of nothing known", {0x30, 0x80, 0x00, 0x00}, "none: "},
      {"a huge length", {0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0x01}, "none: "},
      {"a length of lengths", {0x30, 0xff, 0xff}, "none: "},
      {"its tag alone", {0x30}, "none: "},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what);
    CHECK(to_text(contents_of(row.octets)) == row.found);
  }
  CHECK(contents_of(damaged).certificates.empty());
  survive_damage(leaf);
  survive_damage(key_der.reveal());
}

TEST_CASE("PKCS#7 files give all their certificates, in DER and in PEM") {
  const pki::testing::Authority root = pki::testing::make_root();
  const pki::testing::Authority issuer = pki::testing::make_intermediate(root);
  const pki::testing::Scratch scratch;
  const std::string chain = scratch.write("chain.pem", issuer.certificate.pem() + root.certificate.pem());
  const auto made = [&](const std::string& form) {
    return judge::run({"openssl", "crl2pkcs7", "-nocrl", "-certfile", chain, "-outform", form});
  };
  const std::string der = made("DER");
  const std::string pem = made("PEM");
  CHECK(contents_of(der) == "pkcs7: 1 Issuing, 2 Root");
  CHECK(contents_of(pem) == "pem: 1 Issuing, 2 Root");
  CHECK(contents_of(pem + root.certificate.pem()) == "pem: 1 Issuing, 2 Root, 3 Root");
  std::string as_certificate = pem;
  for (std::size_t at; (at = as_certificate.find("PKCS7")) != std::string::npos;)
    as_certificate.replace(at, 5, "CERTIFICATE");
  CHECK(contents_of(as_certificate) == "pem: 1 Issuing, 2 Root");
  CHECK(contents_of(std::string_view(der).substr(0, der.size() - 1)) == "pkcs7: ; truncated");
  survive_damage(base::as_bytes(der));
}

}  // namespace
}  // namespace everseal::discover
