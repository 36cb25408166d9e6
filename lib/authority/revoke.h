// Revocation: the CRL says so first, then the database.
#pragma once

#include "authority/authority.h"
#include "inventory/records.h"
#include "pki/certificate.h"
#include "pki/crl.h"

#include <string>

namespace everseal::authority {

enum class RevokeOutcome {
  revoked,
  reason_changed,  // it was revoked for another reason than keyCompromise
  was_revoked,     // nothing is changed, and the earlier reason stays
};

struct Revocation {
  inventory::IssuedRecord certificate;
  RevokeOutcome outcome = RevokeOutcome::revoked;
};

// By serial (hex) within `authority`. A certificate that is revoked already keeps its time, and its reason unless this
// one is graver (pki::is_graver). Throws Error(not_found) where it signed no such certificate.
Revocation revoke(Authority& authority, const std::string& serial, pki::RevocationReason reason, Time now);
// By the certificate itself: it must be, octet for octet, what this authority signed under its serial (Error(denied)).
Revocation revoke(Authority& authority, const pki::Certificate& certificate, pki::RevocationReason reason, Time now);

}  // namespace everseal::authority
