#pragma once

#include "pki/certificate.h"
#include "pki/crl.h"
#include "reconcile/verb.h"

#include <optional>
#include <string>

namespace everseal::reconcile {

// Exactly one of name, serial, fingerprint and certificate.
struct RevokeRequest {
  std::optional<Name> name;  // the version in use of this managed certificate
  std::string serial;        // hex, of a certificate that one of our authorities signed
  std::optional<pki::Fingerprint> fingerprint;
  // What one of our authorities signed, whether or not the database remembers it.
  std::optional<pki::Certificate> certificate;
  // None: unspecified, and whatever stands where it is revoked already.
  std::optional<pki::RevocationReason> reason{};
};
Verdict revoke(const Host& host, const RevokeRequest& request);

extern const Verb revoke_verb;

}  // namespace everseal::reconcile
