#include "pki/jwk.h"

#include "judge.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

namespace everseal::pki {
namespace {

// Writes a PEM key as another implementation understands JSON Web Keys.
constexpr const char* kToJwk = R"(
import base64, json, sys
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.hazmat.primitives.asymmetric import rsa
def text(number, width=None):
    octets = number.to_bytes(width or (number.bit_length() + 7) // 8, 'big')
    return base64.urlsafe_b64encode(octets).rstrip(b'=').decode()
key = load_pem_private_key(sys.stdin.buffer.read(), None)
numbers = key.private_numbers()
if isinstance(key, rsa.RSAPrivateKey):
    public = numbers.public_numbers
    jwk = {'kty': 'RSA', 'n': text(public.n), 'e': text(public.e), 'd': text(numbers.d), 'p': text(numbers.p),
           'q': text(numbers.q), 'dp': text(numbers.dmp1), 'dq': text(numbers.dmq1), 'qi': text(numbers.iqmp)}
else:
    width = key.curve.key_size // 8
    public = numbers.public_numbers
    jwk = {'kty': 'EC', 'crv': 'P-%d' % key.curve.key_size, 'd': text(numbers.private_value, width),
           'x': text(public.x, width), 'y': text(public.y, width)}
print(json.dumps(jwk))
)";

nlohmann::json jwk_of(const PrivateKey& key) {
  return nlohmann::json::parse(judge::run({"python3", "-c", kToJwk}, key.pem().reveal()));
}

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
