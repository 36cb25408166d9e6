#pragma once

#include "reconcile/verb.h"

namespace everseal::reconcile {

// Signs a fresh CRL and publishes it, now. Error(not_found) where there is no such authority.
// What was revoked before the database was lost (Authorities::are_revocations_lost): is a CRL signed without it?
enum class Loss { refused, accepted };

Verdict ca_crl(const Host& host, const Name& authority, Loss loss = Loss::refused);

extern const Verb ca_crl_verb;

}  // namespace everseal::reconcile
