// Keys as another implementation writes them as JSON Web Keys.
#pragma once

#include "pki/judge.h"
#include "pki/key.h"

#include <nlohmann/json.hpp>

namespace everseal::pki::testing {

inline nlohmann::json jwk_of(const PrivateKey& key) {
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
  return nlohmann::json::parse(judge::run({"python3", "-c", kToJwk}, key.pem().reveal()));
}

}  // namespace everseal::pki::testing
