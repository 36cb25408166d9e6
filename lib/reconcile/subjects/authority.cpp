#include "plan/authority.h"

#include "base/overloaded.h"
#include "reconcile/facts.h"
#include "reconcile/reconcile.h"
#include "reconcile/run_steps.h"
#include "reconcile/steps.h"

#include <utility>

namespace everseal::reconcile {
namespace {

using plan::AuthorityAction;
using plan::AuthorityFacts;

Verdict run_authority(Session& session, const Name& name, Pass pass) {
  const auto lock = lock_subject(session.host, inventory::authority_subject(name));
  const auto artifact = authority_artifact(session, name);
  AuthorityFacts facts;
  return run_steps<AuthorityAction>(session, inventory::authority_subject(name),
                                    {.decide =
                                         [&](Time now) {
                                           facts = authority_facts(session, name);
                                           return plan::decide(facts, now);
                                         },
                                     .apply =
                                         [&](const AuthorityAction& action) {
                                           return std::visit(
                                               base::Overloaded{
                                                   [&](const plan::SignCrl&) { return sign_crl(session, name); },
                                                   [&](const plan::DeploymentAction& step) {
                                                     return apply_deployment(session, *artifact, facts.publish, step);
                                                   },
                                               },
                                               action);
                                         },
                                     .in_use = [&](Time) -> std::optional<plan::Validity> {
                                       if (!facts.crl) return std::nullopt;
                                       return plan::Validity{facts.crl->this_update, facts.crl->next_update};
                                     },
                                     .is_in_pass =
                                         [pass](const AuthorityAction& action) {
                                           return pass == Pass::whole || std::holds_alternative<plan::SignCrl>(action);
                                         }});
}

PlannedStep planned(const plan::Step<AuthorityAction>& step) {
  PlannedStep made = planned_step(step);
  if (const auto* const deployment = std::get_if<plan::DeploymentAction>(&step.action))
    describe_deployment(*deployment, made);
  return made;
}

PlannedSubject plan_authority(Session& session, const Name& name) {
  const AuthorityFacts facts = authority_facts(session, name);
  plan::Decision<AuthorityAction> decision = plan::decide(facts, session.now());
  PlannedSubject subject{.subject = authority_subject(name),
                         .steps = {},
                         .standing = std::move(decision.standing),
                         .look_again = decision.look_again,
                         .rehearsal = {},
                         .not_after = facts.ends};
  for (const auto& step : decision.steps) subject.steps.push_back(planned(step));
  return subject;
}

}  // namespace

extern const SubjectKind authority_subject_kind;
const SubjectKind authority_subject_kind{"authority", 2, true, run_authority, plan_authority};

}  // namespace everseal::reconcile
