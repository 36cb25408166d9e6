// Message authentication by a shared key (RFC 2104).
#pragma once

#include "base/encoding.h"

namespace everseal::pki {

enum class Hash { sha256, sha384, sha512 };

// Throws Error(internal) where OpenSSL fails.
base::Bytes hmac(Hash hash, base::BytesView key, base::BytesView message);

}  // namespace everseal::pki
