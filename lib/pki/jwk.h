// Private keys as JSON Web Keys, which some ACME clients keep their account's key in.
#pragma once

#include "base/secret.h"
#include "pki/key.h"

namespace everseal::pki {

// A key of type RSA with its primes or EC on P-256 or P-384 (RFC 7518 sections 6.2.2 and 6.3.2). Throws Error(invalid):
// no such key, or of a size that Everseal does not use; the text never holds key material.
PrivateKey parse_jwk(const base::Secret& json);

}  // namespace everseal::pki
