#pragma once

#include "reconcile/verb.h"

namespace everseal::reconcile {

// Signs a fresh CRL and publishes it, now. Error(not_found) where there is no such authority.
Verdict ca_crl(const Host& host, const Name& authority);

extern const Verb ca_crl_verb;

}  // namespace everseal::reconcile
