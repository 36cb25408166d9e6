// Whether a certificate was revoked: what a CRL or a stapled OCSP response proves of it.
#pragma once

#include "base/encoding.h"
#include "base/time.h"
#include "pki/certificate.h"
#include "pki/crl.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace everseal::pki {

// Of three values, as what nobody could say is not "good".
struct RevocationStatus {
  enum class State : std::uint8_t { good, revoked, unknown } state = State::unknown;
  std::optional<base::Time> when;  // of the revocation
  std::string reason;              // "keyCompromise"; of unknown: why it is not known, printable
};

// A CRL whose signature was verified, for many questions. Immutable; holds nothing of the CRL but what it lists.
class RevocationList {
 public:
  // Throws Error(invalid) where `issuer` did not sign it.
  RevocationList(Crl crl, const Certificate& issuer);

  // RFC 5280 section 6.3.3 for a certificate that the issuer signed, which the caller knows. Unknown where the CRL is
  // another issuer's or does not speak of it (delta, other distribution point, CAs or others alone, some reasons), or
  // where it begins after `at` (five minutes are given to the clocks) or has ended by then.
  RevocationStatus status(const Certificate& certificate, base::Time at) const;
  std::optional<base::Time> next_update() const noexcept { return next_update_; }

 private:
  base::Bytes issuer_der_;
  base::Time this_update_;
  std::optional<base::Time> next_update_;
  CrlScope scope_;
  std::vector<RevokedEntry> entries_;  // by serial
};

// RFC 6960 section 3.2 for a DER OCSPResponse, signed by `issuer` or by whom it delegated that to. Unknown where it is
// no proof: broken, signed by somebody else, of another certificate, not of this time. Errors of the peer are values.
RevocationStatus status_by_ocsp(base::BytesView response, const Certificate& certificate, const Certificate& issuer,
                                base::Time at);

}  // namespace everseal::pki
