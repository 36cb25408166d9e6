// Certificates and CRLs once more, in the default library context, where signatures can be checked. For pki only.
#pragma once

#include "pki/certificate.h"
#include "pki/crl.h"
#include "pki/openssl.h"

namespace everseal::pki {

// The certificate as it was parsed, borrowed: to look at, not to verify with (look_context()).
struct Looking {
  static const X509* at(const Certificate& certificate) noexcept;
};

// Empty where OpenSSL cannot decode it; its errors are in the queue then.
X509Handle load(const Certificate& certificate);
X509CrlHandle load(const Crl& crl);

}  // namespace everseal::pki
