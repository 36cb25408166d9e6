#include "pki/jwk.h"

#include "pki/json_web_key.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

namespace everseal::pki {
namespace {

using testing::jwk_of;

TEST_CASE("a JSON Web Key is the key that another implementation wrote") {
  for (const KeyType type : {KeyType::rsa_2048, KeyType::rsa_4096, KeyType::ecdsa_p256, KeyType::ecdsa_p384}) {
    CAPTURE(to_string(type));
    const PrivateKey key = PrivateKey::generate(type);
    const PrivateKey read = parse_jwk(base::Secret(jwk_of(key).dump()));
    CHECK(read.type() == type);
    CHECK(read.public_key_info() == key.public_key_info());
  }
}

TEST_CASE("what is no JSON Web Key, or one that contradicts itself, is refused without showing it") {
  const nlohmann::json rsa = jwk_of(PrivateKey::generate(KeyType::rsa_2048));
  const nlohmann::json ec = jwk_of(PrivateKey::generate(KeyType::ecdsa_p256));
  const auto with = [](nlohmann::json json, const char* name, const nlohmann::json& value) {
    json[name] = value;
    return json.dump();
  };
  const std::string rejects[] = {
      "",
      "[]",
      "{}",
      "{\"kty\":",
      std::string(100'000, '['),
      with(rsa, "kty", "oct"),
      with(rsa, "kty", 7),
      with(rsa, "q", nullptr),
      with(rsa, "d", "not base64url!"),
      with(rsa, "n", "AQAB"),
      with(ec, "crv", "P-521"),
      with(ec, "x", "AQAB"),
      with(ec, "d", jwk_of(PrivateKey::generate(KeyType::ecdsa_p256)).at("d")),
  };
  for (const std::string& text : rejects) {
    CAPTURE(text.substr(0, 40));
    const auto read = [&] { parse_jwk(base::Secret(text)); };
    CHECK(judge::fault_of(read) == base::Fault::invalid);
    CHECK_FALSE(judge::contains(judge::message_of(read), rsa.at("d").get<std::string>()));
  }
}

}  // namespace
}  // namespace everseal::pki
