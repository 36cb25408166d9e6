// Certificates and CRLs once more, in the default library context, where signatures can be checked. For pki only.
#pragma once

#include "pki/certificate.h"
#include "pki/crl.h"
#include "pki/openssl.h"

namespace everseal::pki {

// Empty where OpenSSL cannot decode it; its errors are in the queue then.
X509Handle load(const Certificate& certificate);
X509CrlHandle load(const Crl& crl);

}  // namespace everseal::pki
