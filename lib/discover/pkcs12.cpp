#include "pki/pkcs12.h"

#include "discover/collector.h"

namespace everseal::discover {

void read_pkcs12(base::BytesView octets, Collector& found) {
  using Outcome = pki::Pkcs12Look::Outcome;
  const pki::Pkcs12Look look = pki::look_into_pkcs12(octets, found.passwords().all());
  switch (look.outcome) {
    case Outcome::read:
      break;
    case Outcome::locked:
      return found.trouble(Reason::encrypted, "no password that is known opens it");
    case Outcome::unsupported:
      return found.trouble(Reason::unsupported, look.why);
    case Outcome::broken:
      return found.trouble(Reason::broken, look.why);
  }
  for (const pki::Pkcs12Look::Entry& one : look.certificates) found.certificate(one.octets, one.name.raw());
  for (const pki::Pkcs12Look::Entry& one : look.keys) {
    std::optional<pki::Sha256> pin;
    if (!one.octets.empty()) pin = pki::sha256(one.octets);
    found.key(pin, one.name.raw());
  }
  if (look.keys.empty()) found.is_trust_store();
}

}  // namespace everseal::discover
