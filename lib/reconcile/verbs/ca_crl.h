#pragma once

#include "reconcile/host.h"
#include "reconcile/verdict.h"

namespace everseal::reconcile {

// Signs a fresh CRL and publishes it, now. Error(not_found) where there is no such authority.
Verdict ca_crl(const Host& host, const Name& authority);

}  // namespace everseal::reconcile
