#include "plan/certificate.h"

#include "base/error.h"
#include "base/log.h"
#include "base/overloaded.h"
#include "reconcile/artifact.h"
#include "reconcile/facts.h"
#include "reconcile/reconcile.h"
#include "reconcile/requests.h"
#include "reconcile/run_steps.h"
#include "reconcile/steps.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace everseal::reconcile {
namespace {

using plan::CertificateAction;
using plan::CertificateFacts;

std::optional<Outcome> apply(Session& session, const CertificateFacts& facts, const CertificateAction& action) {
  const Name& name = facts.wanted.name;
  return std::visit(
      base::Overloaded{
          [&](const plan::Issue& step) { return issue(session, facts, step); },
          [&](const plan::GiveUp& step) { return give_up(session, name, step); },
          [&](const plan::MakeLive& step) { return make_live(session, name, step); },
          [&](const plan::Revoke& step) { return revoke(session, name, step); },
          [&](const plan::Pin& step) { return pin(session, name, step); },
          [&](const plan::Unpin& step) { return unpin(session, name, step); },
          [&](const plan::Prune& step) { return prune(session, facts, step); },
          [&](const plan::Discard& step) { return discard(session, facts, step); },
          [&](const plan::Compare& step) { return compare(session, facts, step); },
          [&](const plan::RefreshRenewalInfo& step) { return refresh_renewal_info(session, name, step); },
          [&](const plan::DeleteKeys&) { return delete_keys(session, name); },
          [&](const plan::Forget& step) { return forget(session, facts, step); },
          [&](const plan::EndIntent& step) { return end_intent(session, name, step); },
          [&](const plan::DeploymentAction& step) {
            // What is to be removed shares its places with nobody.
            const bool removing = std::ranges::any_of(facts.intents, [](const inventory::IntentRecord& intent) {
              return intent.kind == inventory::IntentKind::remove;
            });
            return apply_deployment(session, *certificate_artifact(session, name),
                                    removing ? std::vector<config::Deployment>() : facts.wanted.deployments, step);
          },
      },
      action);
}

// A lost database learns from them what was begun. A revocation needs the database alone, and waits for no archive.
void keep_requests(Session& session, const CertificateFacts& facts, const CertificateAction& action) {
  if (facts.intents.empty()) return;
  try {
    note_requests(session, facts.wanted.name);
  } catch (const base::Error& error) {
    if (!std::holds_alternative<plan::Revoke>(action)) throw;
    base::log::debug("{}", error.message());
  }
}

// Attempts to revoke are told apart by their versions, which people know by their issuers.
void complete(Session& session, const CertificateFacts& facts, const CertificateAction& action, Outcome& outcome) {
  const Name& name = facts.wanted.name;
  if (const auto* const wanted = std::get_if<plan::Revoke>(&action)) {
    if (std::ranges::any_of(facts.intents, &inventory::IntentRecord::delete_keys))
      outcome.text += fmt::format("; {}", plan::kKeysWait);
    const auto version = session.versions.find(name, wanted->number);
    if (!version) return;
    outcome.target = version->issuer.text();
    const Facts known = facts_of(session, *version);
    outcome.facts.version = known.version;
    outcome.facts.serial = known.serial;
    outcome.facts.fingerprint = known.fingerprint;
    outcome.facts.not_after = known.not_after;
    outcome.facts.reason = to_string(wanted->reason);
  } else if (const auto* const order = std::get_if<plan::Issue>(&action)) {
    outcome.facts.version = order->number;
  }
}

// A certificate with targets is done where they are: its issue is told when it failed or warns of something, or where
// there are no targets.
void count_by_target(Verdict& verdict) {
  const bool targets = std::ranges::any_of(verdict.outcomes, [](const Outcome& o) {
    return o.step == "deploy" || o.step == "verify" || (o.step == "rollback" && !o.target.empty());
  });
  if (!targets) return;
  std::erase_if(verdict.outcomes, [](const Outcome& o) { return o.step == "issue" && o.result == Result::done; });
}

// One finds what is wrong, one that it was mended; somebody who goes on changing the files waits for the next run.
constexpr int kMostComparisons = 3;
// One finishes what was begun, one answers what changed since. An issuer whose certificates answer nothing is asked no
// more than this.
constexpr int kMostIssues = 3;

Verdict run_certificate(Session& session, const Name& name, Pass) {
  const auto lock = lock_subject(session.host, inventory::certificate_subject(name));
  CertificateFacts facts;
  bool is_there = true;
  bool discarded = false;
  const auto completing = [&](const CertificateAction& action, Outcome& outcome) {
    complete(session, facts, action, outcome);
  };
  int compared = 0;
  int issued = 0;
  Verdict verdict =
      run_steps<CertificateAction>(session, inventory::certificate_subject(name),
                                   {.decide =
                                        [&](Time now) {
                                          is_there = session.managed.find(name).has_value();
                                          if (!is_there) return plan::Decision<CertificateAction>{};
                                          facts = certificate_facts(session, name);
                                          facts.discarded = discarded;
                                          facts.compared = compared >= kMostComparisons;
                                          facts.issued = issued >= kMostIssues;
                                          return plan::decide(facts, now);
                                        },
                                    .apply =
                                        [&](const CertificateAction& action) {
                                          discarded = discarded || std::holds_alternative<plan::Discard>(action);
                                          compared += std::holds_alternative<plan::Compare>(action) ? 1 : 0;
                                          issued += std::holds_alternative<plan::Issue>(action) ? 1 : 0;
                                          keep_requests(session, facts, action);
                                          return apply(session, facts, action);
                                        },
                                    .in_use = [&](Time now) { return plan::validity_in_use(facts, now); },
                                    .complete = completing});
  // What is left over is moot, and goes with the next run.
  try {
    note_requests(session, name);
  } catch (const base::Error& error) {
    base::log::debug("{}", error.message());
  }
  if (!is_there) session.subjects.forget(inventory::certificate_subject(name));
  count_by_target(verdict);
  return verdict;
}

PlannedStep planned(const plan::Step<CertificateAction>& step) {
  PlannedStep made = planned_step(step);
  std::visit(base::Overloaded{
                 [&](const plan::Issue& s) {
                   made.version = s.number;
                   made.issuer = s.issuer.text();
                 },
                 [&](const plan::GiveUp& s) {
                   made.version = s.number;
                   made.issuer = s.issuer.text();
                 },
                 [&](const plan::RefreshRenewalInfo& s) {
                   made.version = s.number;
                   made.issuer = s.issuer.text();
                 },
                 [&](const plan::MakeLive& s) { made.version = s.number; },
                 [&](const plan::Compare& s) { made.version = s.number; },
                 [&](const plan::Revoke& s) {
                   made.version = s.number;
                   made.reason = to_string(s.reason);
                 },
                 [&](const plan::Pin& s) { made.version = s.number; },
                 [&](const plan::DeploymentAction& s) { describe_deployment(s, made); },
                 [](const auto&) {},
             },
             step.action);
  return made;
}

PlannedSubject plan_certificate(Session& session, const Name& name) {
  CertificateFacts facts = certificate_facts(session, name);
  plan::Decision<CertificateAction> decision = plan::decide(facts, session.now());
  PlannedSubject subject{.subject = subject_of(name),
                         .steps = {},
                         .standing = std::move(decision.standing),
                         .look_again = decision.look_again,
                         .rehearsal = {}};
  if (const plan::VersionFacts* const used = plan::version_in_use(facts, session.now())) {
    subject.version = used->record.number;
    subject.not_after = used->record.not_after;
    if (facts.renewal == plan::Renewal::automatic && !facts.orphaned) subject.renew_at = plan::renewal_of(*used);
  }
  subject.requests = std::move(facts.intents);
  for (const auto& step : decision.steps) subject.steps.push_back(planned(step));
  return subject;
}

}  // namespace

extern const SubjectKind certificate_subject_kind;
const SubjectKind certificate_subject_kind{"certificate", 1, false, run_certificate, plan_certificate};

}  // namespace everseal::reconcile
