#include "pki/crl.h"

#include "base/error.h"
#include "pki/issued.h"

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace {

using namespace everseal;
using namespace everseal::pki;
using namespace everseal::pki::testing;

CrlRequest request_of(std::vector<RevokedEntry> entries) { return {7, kNow, kNow + 7 * kDay, std::move(entries)}; }

std::string text_of(base::BytesView crl) { return run({"openssl", "crl", "-noout", "-text"}, crl_pem(crl)).output; }

}  // namespace

TEST_CASE("every key type signs CRLs, which two strangers accept") {
  for (const KeyType type : kAllKeyTypes) {
    CAPTURE(to_string(type));
    const Authority root = make_root(type);
    const base::Bytes der =
        make_crl(request_of({{"0a0b", kNow, RevocationReason::superseded}}), root.certificate, root.key);
    const Crl crl = Crl::parse(der);
    CHECK(is_signed_by(crl, root.certificate));
    CHECK_FALSE(is_signed_by(crl, make_root(type, 1).certificate));
    CHECK_FALSE(is_signed_by(crl, make_root(type, 0, "Other").certificate));
    const Scratch scratch;
    const std::string file = scratch.write("root.pem", root.certificate.pem());
    const base::Exit openssl = run({"openssl", "crl", "-noout", "-verify", "-CAfile", file}, crl_pem(der));
    CHECK(openssl.success());
    CHECK(openssl.errors.find("verify OK") != std::string::npos);
    const base::Exit gnutls = run({"certtool", "--verify-crl", "--load-ca-certificate", file}, crl_pem(der));
    CHECK_MESSAGE(gnutls.success(), gnutls.errors);
  }
}

TEST_CASE("what is asked for stands in the CRL") {
  const Authority root = make_root();
  const std::vector<RevokedEntry> entries = {
      {"01", kNow - 3 * kDay},
      {"7f0102030405060708090a0b0c0d0e0f10111213", kNow - 2 * kDay, RevocationReason::key_compromise},
      {"ff00", kNow - kDay, RevocationReason::privilege_withdrawn},
      {"0203", kNow, RevocationReason::cessation_of_operation},
  };
  const base::Bytes der = make_crl(request_of(entries), root.certificate, root.key);
  for (const Crl& crl : {Crl::parse(der), Crl::parse(base::as_bytes(crl_pem(der)))}) {
    CHECK(crl.der == der);
    CHECK(crl.issuer.raw() == root.certificate.subject().raw());
    CHECK(crl.issuer_der == root.certificate.subject_der());
    CHECK(crl.this_update == kNow);
    CHECK(crl.next_update == kNow + 7 * kDay);
    CHECK(crl.number == 7);
    REQUIRE(crl.entries.size() == entries.size());
    for (std::size_t i = 0; i < entries.size(); ++i) {
      CHECK(crl.entries[i].serial == entries[i].serial);
      CHECK(crl.entries[i].when == entries[i].when);
      CHECK(crl.entries[i].reason == entries[i].reason);
    }
  }
  const std::string text = text_of(der);
  CHECK(text.find("Version 2 (0x1)") != std::string::npos);
  CHECK(text.find("Key Compromise") != std::string::npos);
  CHECK(text.find("Unspecified") == std::string::npos);
  CHECK(text.find("X509v3 CRL Number: \n                7\n") != std::string::npos);
  std::string key_id = base::hex(root.certificate.subject_key_id());
  std::ranges::transform(key_id, key_id.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  for (std::size_t i = key_id.size() - 2; i > 0; i -= 2) key_id.insert(i, ":");
  CHECK(text.find(key_id) != std::string::npos);
}

TEST_CASE("nothing revoked is no list at all") {
  const Authority root = make_root();
  const base::Bytes der = make_crl(request_of({}), root.certificate, root.key);
  CHECK(Crl::parse(der).entries.empty());
  CHECK(text_of(der).find("No Revoked Certificates") != std::string::npos);
}

TEST_CASE("CRL numbers use 63 bits, and those that do not fit are absent") {
  const Authority root = make_root();
  constexpr std::uint64_t kLargest = std::numeric_limits<std::int64_t>::max();
  for (const std::uint64_t number : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{128}, kLargest, kLargest + 1,
                                     std::numeric_limits<std::uint64_t>::max()}) {
    CAPTURE(number);
    CrlRequest request = request_of({});
    request.number = number;
    const auto read = Crl::parse(make_crl(request, root.certificate, root.key)).number;
    CHECK(read.has_value() == (number <= kLargest));
    if (read) CHECK(*read == number);
  }
  CrlRequest request = request_of({});
  request.number = std::numeric_limits<std::uint64_t>::max();
  base::Bytes der = make_crl(request, root.certificate, root.key);
  const base::Bytes encoded = *base::from_hex("020900ffffffffffffffff");
  const auto at = std::ranges::search(der, encoded).begin();
  REQUIRE(at != der.end());
  *(at + 2) = 0x01;  // nine octets now
  CHECK_FALSE(Crl::parse(der).number.has_value());
  *(at + 2) = 0xff;  // negative
  CHECK_FALSE(Crl::parse(der).number.has_value());
}

TEST_CASE("a request that makes no CRL is refused") {
  const Authority root = make_root();
  const auto refuse = [&](const CrlRequest& request, const Signer& key) {
    CHECK_THROWS_AS(make_crl(request, root.certificate, key), base::Error);
  };
  for (const char* serial : {"", "-01", "xyz", "0", "00112233445566778899aabbccddeeff0011223344"}) {
    CAPTURE(serial);
    refuse(request_of({{serial, kNow}}), root.key);
  }
  CrlRequest backwards = request_of({});
  backwards.next_update = backwards.this_update;
  refuse(backwards, root.key);
  refuse(request_of({}), key_of(KeyType::ecdsa_p256, 1));
}

TEST_CASE("what is cut, lengthened or no CRL is refused") {
  const Authority root = make_root();
  const base::Bytes der =
      make_crl(request_of({{"0102", kNow, RevocationReason::superseded}}), root.certificate, root.key);
  for (std::size_t size = 0; size < der.size(); ++size) {
    CAPTURE(size);
    try {
      Crl::parse(base::BytesView(der).first(size));
      FAIL("was parsed");
    } catch (const base::Error& error) {
      CHECK(error.fault() == base::Fault::invalid);
    }
  }
  base::Bytes longer = der;
  longer.push_back(0);
  CHECK_THROWS_AS(Crl::parse(longer), base::Error);
  CHECK_THROWS_AS(Crl::parse(root.certificate.der()), base::Error);
  CHECK_THROWS_AS(Crl::parse(base::as_bytes(root.certificate.pem())), base::Error);
  CHECK_THROWS_AS(Crl::parse(base::as_bytes(crl_pem(der) + crl_pem(der))), base::Error);
  CHECK_THROWS_AS(Crl::parse(base::as_bytes("garbage")), base::Error);
}

TEST_CASE("no octet of a CRL can be changed so that parsing does more than refuse") {
  const Authority root = make_root();
  const base::Bytes der =
      make_crl(request_of({{"0102", kNow, RevocationReason::superseded}}), root.certificate, root.key);
  std::size_t parsed = 0;
  for (std::size_t i = 0; i < der.size(); ++i) {
    for (const int flip : {0x01, 0x80, 0xff}) {
      base::Bytes changed = der;
      changed[i] = static_cast<std::uint8_t>(changed[i] ^ flip);
      try {
        const Crl crl = Crl::parse(changed);
        ++parsed;
        CHECK_FALSE(is_signed_by(crl, root.certificate));
      } catch (const base::Error& error) {
        CHECK(error.fault() == base::Fault::invalid);
      }
    }
  }
  CHECK(parsed > 64);  // the signature's octets at least
}

TEST_CASE("CRLs that others make are read") {
  const Scratch scratch;
  const Authority root = make_root();
  const std::string config = scratch.write(
      "ca.cnf", "[ca]\ndefault_ca=d\n[d]\ndatabase=" + scratch.path("index") + "\ncrlnumber=" + scratch.path("number") +
                    "\ndefault_md=sha256\ndefault_crl_days=7\ncrl_extensions=x\n[x]\nauthorityKeyIdentifier=keyid\n");
  scratch.write("index",
                "R\t350101000000Z\t260101000000Z,keyCompromise\t0A0B\tunknown\t/CN=a\n"
                "R\t350101000000Z\t260102000000Z,certificateHold\t0C\tunknown\t/CN=b\n"
                "R\t350101000000Z\t260103000000Z\t0D\tunknown\t/CN=c\n");
  scratch.write("number", "1000000000000000000000000000000000000000\n");
  const base::Exit made =
      run({"openssl", "ca", "-gencrl", "-config", config, "-cert", scratch.write("root.pem", root.certificate.pem()),
           "-keyfile", scratch.write("root.key", root.key.pem().reveal_text())});
  REQUIRE_MESSAGE(made.success(), made.errors);
  const Crl crl = Crl::parse(base::as_bytes(made.output));
  CHECK(is_signed_by(crl, root.certificate));
  CHECK_FALSE(crl.number.has_value());  // twenty octets
  REQUIRE(crl.entries.size() == 3);
  CHECK(crl.entries[0].serial == "0c");  // OpenSSL sorts them
  CHECK(crl.entries[0].reason == RevocationReason::unspecified);
  CHECK(crl.entries[1].serial == "0d");
  CHECK(crl.entries[2].serial == "0a0b");
  CHECK(crl.entries[2].reason == RevocationReason::key_compromise);
  CHECK(crl.entries[2].when == *base::parse_time("2026-01-01T00:00:00Z"));
}

TEST_CASE("hundreds of thousands of revocations are written and read") {
  const Authority root = make_root();
  CrlRequest request = request_of({});
  constexpr std::uint32_t kMany = 300'000;
  request.entries.reserve(kMany);
  for (std::uint32_t i = 1; i <= kMany; ++i) {
    const std::uint8_t octets[] = {static_cast<std::uint8_t>(i >> 16), static_cast<std::uint8_t>(i >> 8),
                                   static_cast<std::uint8_t>(i)};
    request.entries.push_back({"01" + base::hex(octets), kNow});
  }
  const Crl crl = Crl::parse(make_crl(request, root.certificate, root.key));
  REQUIRE(crl.entries.size() == kMany);
  CHECK(crl.entries.back().serial == request.entries.back().serial);
  CHECK(is_signed_by(crl, root.certificate));
}

TEST_CASE("more than 64 MiB is not looked at") {
  CHECK_THROWS_AS(Crl::parse(base::Bytes((std::size_t{64} << 20) + 1)), base::Error);
}

TEST_CASE("reasons are read as people write them") {
  const std::pair<std::string_view, RevocationReason> accepted[] = {
      {"keyCompromise", RevocationReason::key_compromise},
      {"key_compromise", RevocationReason::key_compromise},
      {"KEYCOMPROMISE", RevocationReason::key_compromise},
      {"1", RevocationReason::key_compromise},
      {"cACompromise", RevocationReason::ca_compromise},
      {"ca_compromise", RevocationReason::ca_compromise},
      {"0", RevocationReason::unspecified},
      {"9", RevocationReason::privilege_withdrawn},
      {"cessation_of_operation", RevocationReason::cessation_of_operation},
  };
  for (const auto& [text, reason] : accepted) {
    CAPTURE(text);
    CHECK(parse_revocation_reason(text) == reason);
    CHECK(parse_revocation_reason(to_string(reason)) == reason);
  }
  for (const std::string_view text : {"", "6", "8", "certificateHold", "compromise", "01", "10"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_revocation_reason(text).has_value());
  }
}
