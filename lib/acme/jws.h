// JSON Web Signatures in the form that ACME uses (RFC 8555 section 6.2, RFC 7515, RFC 7517, RFC 7638).
#pragma once

#include "base/secret.h"
#include "pki/signer.h"

#include <string>
#include <string_view>

namespace everseal::acme {

// "ES256", "ES384", "RS256" or "EdDSA".
std::string_view algorithm(pki::KeyType type) noexcept;

// The public key as a JSON Web Key: required members only, in lexicographic order and without blanks, so that its
// SHA-256 is the thumbprint.
std::string jwk(const pki::Signer& key);

// Who signs: by the account's URL, or, where that is empty, by the key itself.
struct Identity {
  pki::Signer key;
  std::string account;
};

// The flattened serialization. `nonce` empty: none is sent (inner signatures). The payload is taken as it is; "" is
// that of a POST-as-GET.
std::string sign_jws(const Identity& identity, std::string_view url, std::string_view nonce, std::string_view payload);

// The binding of an account key to an account elsewhere (RFC 8555 section 7.3.4). `algorithm`: "HS256", "HS384",
// "HS512", else Error(config).
std::string external_account_binding(std::string_view key_id, const base::Secret& mac_key, std::string_view algorithm,
                                     std::string_view new_account_url, const pki::Signer& account_key);

// A MAC key as CAs hand it out: base64url, with or without padding, or plain base64. Error(config).
base::Secret parse_mac_key(const base::Secret& text);

}  // namespace everseal::acme
