// Each step of a decision, carried out and recorded. A step that fails records that, and says so in its outcome; only
// what cannot even be recorded is thrown.
#pragma once

#include "plan/decision.h"
#include "reconcile/artifact.h"
#include "reconcile/session.h"
#include "reconcile/verdict.h"

#include <optional>

namespace everseal::reconcile {

// nullopt where the step is one of several whose end tells (a switch before its proof).
std::optional<Outcome> issue(Session& session, const plan::CertificateFacts& facts, const plan::Issue& step);
std::optional<Outcome> make_live(Session& session, const Name& name, const plan::MakeLive& step);
std::optional<Outcome> revoke(Session& session, const Name& name, const plan::Revoke& step);
std::optional<Outcome> pin(Session& session, const Name& name, const plan::Pin& step);
std::optional<Outcome> unpin(Session& session, const Name& name, const plan::Unpin& step);
std::optional<Outcome> prune(Session& session, const Name& name, const plan::Prune& step);
std::optional<Outcome> refresh_renewal_info(Session& session, const Name& name, const plan::RefreshRenewalInfo& step);
std::optional<Outcome> sign_crl(Session& session, const Name& authority);

std::optional<Outcome> deploy(Session& session, Deployable& artifact, const config::Deployment& target,
                              std::int64_t number);
std::optional<Outcome> verify(Session& session, Deployable& artifact, const config::Deployment& target);
std::optional<Outcome> roll_back(Session& session, Deployable& artifact, const config::Deployment& target,
                                 std::int64_t to);

}  // namespace everseal::reconcile
