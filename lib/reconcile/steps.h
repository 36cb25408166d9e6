// Each step of a decision, carried out and recorded. nullopt where the step is one of several whose end tells. What a
// step throws has changed nothing that is not recorded; run_steps() counts it.
#pragma once

#include "plan/authority.h"
#include "plan/certificate.h"
#include "reconcile/artifact.h"
#include "reconcile/session.h"
#include "reconcile/verdict.h"

#include <optional>
#include <vector>

namespace everseal::reconcile {

std::optional<Outcome> issue(Session& session, const plan::CertificateFacts& facts, const plan::Issue& step);
std::optional<Outcome> give_up(Session& session, const Name& name, const plan::GiveUp& step);
std::optional<Outcome> make_live(Session& session, const Name& name, const plan::MakeLive& step);
std::optional<Outcome> revoke(Session& session, const Name& name, const plan::Revoke& step);
std::optional<Outcome> pin(Session& session, const Name& name, const plan::Pin& step);
std::optional<Outcome> unpin(Session& session, const Name& name, const plan::Unpin& step);
std::optional<Outcome> prune(Session& session, const plan::CertificateFacts& facts, const plan::Prune& step);
std::optional<Outcome> discard(Session& session, const plan::CertificateFacts& facts, const plan::Discard& step);
std::optional<Outcome> compare(Session& session, const plan::CertificateFacts& facts, const plan::Compare& step);
std::optional<Outcome> refresh_renewal_info(Session& session, const Name& name, const plan::RefreshRenewalInfo& step);
std::optional<Outcome> delete_keys(Session& session, const Name& name);
std::optional<Outcome> forget(Session& session, const plan::CertificateFacts& facts, const plan::Forget& step);
// The file that defines `name` as it is now, when its removal is asked for: one that is written anew until then stays.
void remember_fragment(Session& session, const Name& name);
// Error(denied) where what forget() would have to take out of the config is in a file that a person keeps.
void require_removable(const Host& host, const inventory::ManagedRecord& managed);
std::optional<Outcome> end_intent(Session& session, const Name& name, const plan::EndIntent& step);
std::optional<Outcome> sign_crl(Session& session, const Name& authority);

// A step at one of the `wanted` targets, or at one that left them. Failures are counted in the deployment's own record.
std::optional<Outcome> apply_deployment(Session& session, Deployable& artifact,
                                        const std::vector<config::Deployment>& wanted,
                                        const plan::DeploymentAction& action);
// Looks whether `target` serves what it should, by hand too.
std::optional<Outcome> verify(Session& session, Deployable& artifact, const config::Deployment& target);

}  // namespace everseal::reconcile
