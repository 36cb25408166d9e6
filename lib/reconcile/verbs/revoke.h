#pragma once

#include "pki/crl.h"
#include "reconcile/host.h"
#include "reconcile/verdict.h"

#include <optional>
#include <string>

namespace everseal::reconcile {

// Exactly one of name, serial and fingerprint.
struct RevokeRequest {
  std::optional<Name> name;  // the version in use of this managed certificate
  std::string serial;        // hex, of a certificate that one of our authorities signed
  std::optional<pki::Fingerprint> fingerprint;
  pki::RevocationReason reason = pki::RevocationReason::unspecified;
};
Verdict revoke(const Host& host, const RevokeRequest& request);

enum class OnRemoval { leave, revoke };
enum class Keys { keep, destroy };
struct RemoveRequest {
  Name name;
  OnRemoval certificate = OnRemoval::leave;
  Keys keys = Keys::keep;
};
// Stops keeping alive: the fragment and the rows go; what is deployed stays where servers read it. Error(denied) where
// the certificate is defined in a config file that a person keeps.
Verdict remove(const Host& host, const RemoveRequest& request);

}  // namespace everseal::reconcile
