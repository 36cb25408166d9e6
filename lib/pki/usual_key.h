// The usual encodings of keys on P-256 and P-384 and of Ed25519 keys (RFC 5480, RFC 5915, RFC 8410), read and written
// without OpenSSL's search for an encoder or decoder, which takes version 3.0 ten times as long as the rest. Keys that
// are of another type or encoded otherwise are left to OpenSSL. For pki only; leaves errors in the queue.
#pragma once

#include "base/encoding.h"
#include "base/secret.h"
#include "pki/openssl.h"

#include <optional>

namespace everseal::pki {

// Empty where it is not of these encodings, or no key.
KeyHandle read_usual_private_key(base::BytesView pkcs8);
KeyHandle read_usual_public_key(base::BytesView public_key_info);

// nullopt where it is none of these keys.
std::optional<base::Secret> write_usual_private_key(EVP_PKEY* key);
std::optional<base::Bytes> write_usual_public_key(EVP_PKEY* key);

// Is the public half that of the private half? nullopt where it is no key on these curves.
std::optional<bool> usual_halves_match(EVP_PKEY* key);

}  // namespace everseal::pki
