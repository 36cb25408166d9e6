// The certificates of a PKCS#7 or CMS signedData (RFC 5652 section 5.1): ".p7b", ".p7c".
#pragma once

#include "base/encoding.h"

#include <vector>

namespace everseal::pki {

// The DER of each, in order; DER or BER, at most 16 MiB. No signature is checked. Throws Error(invalid).
std::vector<base::Bytes> certificates_in_pkcs7(base::BytesView file);

}  // namespace everseal::pki
