#include "pki/pkcs7.h"

#include "base/error.h"
#include "discover/collector.h"

namespace everseal::discover {

void read_pkcs7(base::BytesView octets, Collector& found) {
  try {
    for (const base::Bytes& certificate : pki::certificates_in_pkcs7(octets)) found.certificate(certificate);
  } catch (const base::Error& error) {
    found.trouble(Reason::broken, error.message());
  }
}

}  // namespace everseal::discover
