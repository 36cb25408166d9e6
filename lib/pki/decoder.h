// Keys read, the usual ones as usual_key.h does and the others by OpenSSL's decoders. OpenSSL 3.0 looks through all it
// has for each key, which takes ten times as long as reading it: a thread keeps those that it found. For pki only.
#pragma once

#include "base/encoding.h"
#include "pki/openssl.h"

namespace everseal::pki {

// Empty where it is none that OpenSSL can use; its errors are in the queue then.
KeyHandle decode_private_key(base::BytesView pkcs8);
KeyHandle decode_public_key(base::BytesView public_key_info);

}  // namespace everseal::pki
