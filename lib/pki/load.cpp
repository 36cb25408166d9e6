#include "pki/load.h"

#include "pki/asn1.h"

namespace everseal::pki {

X509Handle load(const Certificate& certificate) {
  return decode_into(X509Handle(X509_new()), certificate.der(), d2i_X509);
}

X509CrlHandle load(const Crl& crl) { return decode_into(X509CrlHandle(X509_CRL_new()), crl.der, d2i_X509_CRL); }

}  // namespace everseal::pki
