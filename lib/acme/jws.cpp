#include "acme/jws.h"

#include "acme/account.h"
#include "base/error.h"
#include "base/text.h"
#include "pki/der.h"
#include "pki/digest.h"
#include "pki/hmac.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

namespace everseal::acme {
namespace {

using base::Bytes;
using base::BytesView;
using pki::KeyType;

std::string encode(std::string_view text) { return base::base64url(base::as_bytes(text)); }

// What the BIT STRING of a SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7) holds.
BytesView key_bits(BytesView public_key_info) {
  pki::der::Reader outer(public_key_info);
  pki::der::Reader info(outer.expect(pki::der::kSequence).contents);
  info.expect(pki::der::kSequence);
  return info.expect(pki::der::kBitString).contents.subspan(1);  // the count of unused bits
}

BytesView without_leading_zeros(BytesView integer) {
  while (integer.size() > 1 && integer.front() == 0) integer = integer.subspan(1);
  return integer;
}

// r and s at fixed width (RFC 7518 section 3.4); X.509 has them as INTEGERs.
Bytes fixed_width(BytesView der, std::size_t width) {
  Bytes out;
  pki::der::Reader outer(der);
  pki::der::Reader pair(outer.expect(pki::der::kSequence).contents);
  for (int i = 0; i < 2; ++i) {
    const BytesView number = without_leading_zeros(pair.expect(pki::der::kInteger).contents);
    if (number.size() > width) throw base::Error(base::Fault::internal, "a signature is too long for its curve");
    out.insert(out.end(), width - number.size(), 0);
    out.insert(out.end(), number.begin(), number.end());
  }
  return out;
}

Bytes raw_signature(const pki::Signer& key, BytesView message) {
  Bytes signature = key.sign(message);
  if (key.type() == KeyType::ecdsa_p256) return fixed_width(signature, 32);
  if (key.type() == KeyType::ecdsa_p384) return fixed_width(signature, 48);
  return signature;
}

std::string flattened(std::string_view header, std::string_view payload, auto sign) {
  const std::string protected_part = encode(header);
  const std::string payload_part = encode(payload);
  const Bytes signature = sign(base::to_bytes(fmt::format("{}.{}", protected_part, payload_part)));
  return fmt::format(R"({{"protected":"{}","payload":"{}","signature":"{}"}})", protected_part, payload_part,
                     base::base64url(signature));
}

std::optional<pki::Hash> hash_of(std::string_view algorithm) noexcept {
  if (algorithm == "HS256") return pki::Hash::sha256;
  if (algorithm == "HS384") return pki::Hash::sha384;
  if (algorithm == "HS512") return pki::Hash::sha512;
  return std::nullopt;
}

}  // namespace

std::string_view algorithm(KeyType type) noexcept {
  switch (type) {
    case KeyType::ecdsa_p256:
      return "ES256";
    case KeyType::ecdsa_p384:
      return "ES384";
    case KeyType::ed25519:
      return "EdDSA";
    default:
      return "RS256";
  }
}

std::string jwk(const pki::Signer& key) {
  const BytesView bits = key_bits(key.public_key_info());
  switch (key.type()) {
    case KeyType::ecdsa_p256:
    case KeyType::ecdsa_p384: {
      const std::size_t width = key.type() == KeyType::ecdsa_p256 ? 32 : 48;
      if (bits.size() != 1 + 2 * width) throw base::Error(base::Fault::internal, "a public point is not uncompressed");
      return fmt::format(R"({{"crv":"{}","kty":"EC","x":"{}","y":"{}"}})", width == 32 ? "P-256" : "P-384",
                         base::base64url(bits.subspan(1, width)), base::base64url(bits.subspan(1 + width)));
    }
    case KeyType::ed25519:
      return fmt::format(R"({{"crv":"Ed25519","kty":"OKP","x":"{}"}})", base::base64url(bits));
    default: {
      pki::der::Reader outer(bits);
      pki::der::Reader numbers(outer.expect(pki::der::kSequence).contents);
      const BytesView modulus = without_leading_zeros(numbers.expect(pki::der::kInteger).contents);
      const BytesView exponent = without_leading_zeros(numbers.expect(pki::der::kInteger).contents);
      return fmt::format(R"({{"e":"{}","kty":"RSA","n":"{}"}})", base::base64url(exponent), base::base64url(modulus));
    }
  }
}

std::string thumbprint(const pki::Signer& key) { return base::base64url(pki::sha256(base::as_bytes(jwk(key)))); }

std::string key_authorization(std::string_view token, const pki::Signer& key) {
  return fmt::format("{}.{}", token, thumbprint(key));
}

std::string sign_jws(const Identity& identity, std::string_view url, std::string_view nonce, std::string_view payload) {
  std::string header = fmt::format(R"({{"alg":"{}",)", algorithm(identity.key.type()));
  header += identity.account.empty() ? fmt::format(R"("jwk":{},)", jwk(identity.key))
                                     : fmt::format(R"("kid":{},)", base::json_string(identity.account));
  if (!nonce.empty()) header += fmt::format(R"("nonce":{},)", base::json_string(nonce));
  header += fmt::format(R"("url":{}}})", base::json_string(url));
  return flattened(header, payload, [&](const Bytes& message) { return raw_signature(identity.key, message); });
}

std::string external_account_binding(std::string_view key_id, const base::Secret& mac_key, std::string_view algorithm,
                                     std::string_view new_account_url, const pki::Signer& account_key) {
  const auto hash = hash_of(algorithm);
  if (!hash)
    throw base::Error(base::Fault::config, fmt::format("there is no MAC algorithm {}", base::printable(algorithm)),
                      "HS256, HS384 and HS512 are known");
  const std::string header = fmt::format(R"({{"alg":"{}","kid":{},"url":{}}})", algorithm, base::json_string(key_id),
                                         base::json_string(new_account_url));
  return flattened(header, jwk(account_key),
                   [&](const Bytes& message) { return pki::hmac(*hash, mac_key.reveal(), message); });
}

base::Secret parse_mac_key(const base::Secret& text) {
  std::string letters(base::trim(text.reveal_text()));
  std::ranges::replace(letters, '+', '-');
  std::ranges::replace(letters, '/', '_');
  letters.erase(letters.find_last_not_of('=') + 1);
  auto octets = base::from_base64url(letters);
  base::wipe(letters.data(), letters.size());
  if (!octets || octets->empty())
    throw base::Error(base::Fault::config, "the key of the external account binding is not base64url",
                      "give the HMAC key as the CA shows it");
  base::Secret key{base::BytesView(*octets)};
  base::wipe(octets->data(), octets->size());
  return key;
}

}  // namespace everseal::acme
