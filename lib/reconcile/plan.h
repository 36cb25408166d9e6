#pragma once

#include "reconcile/host.h"
#include "reconcile/session.h"
#include "reconcile/subject.h"
#include "reconcile/verbs/renew.h"

#include <vector>

namespace everseal::reconcile {

// Decides for the named certificates, or for everything. Where the facts of one cannot be read, or the config is wrong,
// that is what stands of it, or of a subject "config".
std::vector<PlannedSubject> plan(const Host& host, const std::vector<Name>& names);

// The same, and what `renew` would have issued is tried with a key that is thrown away, as far as that costs nothing:
// at the staging directory of an ACME issuer where it has one.
std::vector<PlannedSubject> rehearse(const Host& host, const RenewRequest& request);

// One certificate tried so at `issuer`, with the key of `csr` or one that is thrown away: what came of it. Throws what
// the issuer throws.
std::string try_at(Session& session, const config::Certificate& wanted, const Name& issuer,
                   const base::Bytes& csr = {});
// The same as an outcome.
Outcome rehearse(Session& session, const config::Certificate& wanted, const Name& issuer, const base::Bytes& csr = {});

}  // namespace everseal::reconcile
