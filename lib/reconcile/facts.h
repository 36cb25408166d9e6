// Reads the stored facts that the rules decide on, all of one moment.
#pragma once

#include "plan/authority.h"
#include "plan/certificate.h"
#include "reconcile/session.h"

namespace everseal::reconcile {

// Error(not_found) where no such certificate is managed.
plan::CertificateFacts certificate_facts(Session& session, const Name& name);
// The same as if the config said `wanted`, which need not be managed yet.
plan::CertificateFacts facts_of_change(Session& session, const config::Certificate& wanted);
plan::AuthorityFacts authority_facts(Session& session, const Name& name);

// The authorities of which something that was published is gone, or is something else now.
std::vector<Name> authorities_with_losses(Session& session);

}  // namespace everseal::reconcile
