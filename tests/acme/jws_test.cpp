#include "acme/jws.h"

#include "acme/account.h"
#include "base/error.h"
#include "pki/hmac.h"
#include "pki/key.h"

#include <string>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

namespace {

using namespace everseal;
using Json = nlohmann::json;

Json part(const Json& jws, const char* name) {
  const auto octets = base::from_base64url(jws.at(name).get<std::string>());
  REQUIRE(octets);
  return Json::parse(octets->begin(), octets->end());
}

// RFC 8037 appendix A.1 as PKCS#8.
pki::PrivateKey key_of_rfc_8037() {
  auto der = *base::from_hex("302e020100300506032b657004220420");
  const auto seed = *base::from_base64url("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A");
  der.insert(der.end(), seed.begin(), seed.end());
  return pki::PrivateKey::parse(base::Secret(base::BytesView(der)));
}

}  // namespace

TEST_SUITE("jws") {
  TEST_CASE("the key, its thumbprint and a signature are those of RFC 8037 appendix A") {
    const pki::PrivateKey key = key_of_rfc_8037();
    CHECK(acme::jwk(key) == R"({"crv":"Ed25519","kty":"OKP","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})");
    CHECK(acme::thumbprint(key) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    CHECK(acme::key_authorization("token", key) == "token.kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
  }

  TEST_CASE("a request names its algorithm, nonce and URL, and either the key or the account") {
    for (const pki::KeyType type : pki::kAllKeyTypes) {
      CAPTURE(to_string(type));
      const auto key = pki::PrivateKey::generate(type);
      const Json by_key = Json::parse(acme::sign_jws({key, ""}, "https://ca/new-acct", "abc", R"({"a":1})"));
      const Json header = part(by_key, "protected");
      CHECK(header.at("alg") == std::string(acme::algorithm(type)));
      CHECK(header.at("nonce") == "abc");
      CHECK(header.at("url") == "https://ca/new-acct");
      CHECK(header.at("jwk") == Json::parse(acme::jwk(key)));
      CHECK(!header.contains("kid"));
      CHECK(part(by_key, "payload") == Json{{"a", 1}});
      const Json by_account =
          part(Json::parse(acme::sign_jws({key, "https://ca/acct/1"}, "https://ca/o", "", "")), "protected");
      CHECK(by_account.at("kid") == "https://ca/acct/1");
      CHECK(!by_account.contains("jwk"));
      CHECK(!by_account.contains("nonce"));
    }
  }

  TEST_CASE("the payload of a POST-as-GET is the empty string") {
    const auto key = pki::PrivateKey::generate(pki::KeyType::ecdsa_p256);
    CHECK(Json::parse(acme::sign_jws({key, "https://ca/acct/1"}, "https://ca/o", "n", "")).at("payload") == "");
  }

  TEST_CASE("an ECDSA signature has the width of its curve, whatever its numbers") {
    for (const auto& [type, width] :
         {std::pair(pki::KeyType::ecdsa_p256, 64), std::pair(pki::KeyType::ecdsa_p384, 96)}) {
      const auto key = pki::PrivateKey::generate(type);
      // One in 128 has a number with a leading zero octet.
      for (int i = 0; i < 600; ++i) {
        const Json jws = Json::parse(acme::sign_jws({key, ""}, "u", std::to_string(i), ""));
        REQUIRE(base::from_base64url(jws.at("signature").get<std::string>())->size() ==
                static_cast<std::size_t>(width));
      }
    }
  }

  TEST_CASE("an external account binding is an HMAC over the account's key, without a nonce") {
    const auto key = pki::PrivateKey::generate(pki::KeyType::ecdsa_p256);
    const base::Secret mac = acme::parse_mac_key(base::Secret("c2VjcmV0"));
    for (const auto& [name, hash] : {std::pair("HS256", pki::Hash::sha256), std::pair("HS384", pki::Hash::sha384),
                                     std::pair("HS512", pki::Hash::sha512)}) {
      const Json jws = Json::parse(acme::external_account_binding("kid-1", mac, name, "https://ca/new-acct", key));
      CHECK(part(jws, "protected") == Json{{"alg", name}, {"kid", "kid-1"}, {"url", "https://ca/new-acct"}});
      CHECK(part(jws, "payload") == Json::parse(acme::jwk(key)));
      const std::string signed_part =
          jws.at("protected").get<std::string>() + "." + jws.at("payload").get<std::string>();
      CHECK(jws.at("signature") ==
            base::base64url(pki::hmac(hash, base::as_bytes("secret"), base::as_bytes(signed_part))));
    }
    CHECK_THROWS_WITH_AS(acme::external_account_binding("k", mac, "none", "u", key), "there is no MAC algorithm none",
                         base::Error);
  }

  TEST_CASE("a MAC key is taken as CAs write it") {
    for (const char* const text : {"-_8", "-_8=", "+/8=", " -_8=\n"})
      CHECK(acme::parse_mac_key(base::Secret(text)).copy().reveal_text() == "\xfb\xff");
    for (const char* const text : {"", "=", "a b", "h\xc3\xa4"})
      CHECK_THROWS_AS(acme::parse_mac_key(base::Secret(text)), base::Error);
  }
}
