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
  pki::RevocationReason reason = pki::RevocationReason::cessation_of_operation;  // of the revocations
};
// Stops keeping alive. Nothing is issued any more; where that is wanted every unexpired version is revoked, and its keys
// are deleted, with what was deployed. What cannot be done stands as an intent, which the next runs go on with and
// cancel() withdraws; only when all is done is the name forgotten, and the outcome says what stays. Error(denied) where
// the certificate is defined in a config file that a person keeps.
Verdict remove(const Host& host, const RemoveRequest& request);

}  // namespace everseal::reconcile
