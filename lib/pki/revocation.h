// Whether a certificate was revoked: what a CRL or a stapled OCSP response proves of it.
#pragma once

#include "base/encoding.h"
#include "base/time.h"
#include "pki/certificate.h"
#include "pki/crl.h"

#include <cstdint>
#include <optional>
#include <string>

namespace everseal::pki {

// Of three values, as what nobody could say is not "good".
struct RevocationStatus {
  enum class State : std::uint8_t { good, revoked, unknown } state = State::unknown;
  std::optional<base::Time> when;  // of the revocation
  std::string reason;              // "keyCompromise"; of unknown: why it is not known, printable
};

// RFC 5280 section 6.3.3 for a whole CRL: unknown where `issuer` signed one of the two not, or where the CRL begins
// after `at` (five minutes are given to the clocks) or has ended by then.
RevocationStatus status_by(const Crl& crl, const Certificate& certificate, const Certificate& issuer, base::Time at);

// RFC 6960 section 3.2 for a DER OCSPResponse, signed by `issuer` or by whom it delegated that to. Unknown where it is
// no proof: broken, signed by somebody else, of another certificate, not of this time. Errors of the peer are values.
RevocationStatus status_by_ocsp(base::BytesView response, const Certificate& certificate, const Certificate& issuer,
                                base::Time at);

}  // namespace everseal::pki
