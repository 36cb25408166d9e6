#pragma once

#include "pki/crl.h"
#include "reconcile/verb.h"

namespace everseal::reconcile {

enum class OnRemoval { leave, revoke };
enum class Keys { keep, destroy };
struct RemoveRequest {
  Name name;
  OnRemoval certificate = OnRemoval::leave;
  Keys keys = Keys::keep;
  pki::RevocationReason reason = pki::RevocationReason::cessation_of_operation;  // of the revocations
};
// Stops keeping alive. Nothing is issued any more; where that is wanted every unexpired version is revoked, and its
// keys are deleted, with what was deployed. What cannot be done stands as an intent, which the next runs go on with and
// cancel() withdraws; only when all is done is the name forgotten, and the outcome says what stays. One request is open
// of a name: a second one adds to it, and the outcome says how the two differ. Of a name that was removed it is done,
// or Error(denied) with what is asked for beyond that. Error(denied) where the certificate is defined in a config file
// that a person keeps.
Verdict remove(const Host& host, const RemoveRequest& request);

extern const Verb remove_verb;

}  // namespace everseal::reconcile
