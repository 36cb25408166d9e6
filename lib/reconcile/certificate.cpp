#include "base/error.h"
#include "reconcile/facts.h"
#include "reconcile/reconcile.h"
#include "reconcile/steps.h"

#include <algorithm>
#include <ranges>
#include <type_traits>

#include <fmt/format.h>

namespace everseal::reconcile {
namespace {

// More steps than any rotation has: a rule that never comes to rest is a mistake of ours, not a busy loop.
constexpr int kMostSteps = 200;

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};

const config::Deployment& target_of(const std::vector<config::Deployment>& targets, const Name& name) {
  const auto found = std::ranges::find(targets, name, &config::Deployment::name);
  if (found == targets.end()) throw base::Error(base::Fault::internal, fmt::format("no deployment {}", name));
  return *found;
}

// Steps that every deployable thing has; nullptr-like `false` where `action` is none of them.
bool apply_deployment(Session& session, Deployable& artifact, const std::vector<config::Deployment>& targets,
                      const plan::Action& action, std::optional<Outcome>& outcome) {
  if (const auto* const step = std::get_if<plan::Deploy>(&action))
    outcome = deploy(session, artifact, target_of(targets, step->target), step->number);
  else if (const auto* const check = std::get_if<plan::Verify>(&action))
    outcome = verify(session, artifact, target_of(targets, check->target));
  else if (const auto* const back = std::get_if<plan::RollBack>(&action))
    outcome = roll_back(session, artifact, target_of(targets, back->target), back->to);
  else
    return false;
  return true;
}

std::optional<Outcome> apply(Session& session, const plan::CertificateFacts& facts, const plan::Action& action) {
  const Name& name = facts.wanted.name;
  const auto artifact = certificate_artifact(session, name);
  std::optional<Outcome> outcome;
  if (apply_deployment(session, *artifact, facts.wanted.deployments, action, outcome)) return outcome;
  return std::visit(
      Overloaded{[&](const plan::Issue& step) { return issue(session, facts, step); },
                 [&](const plan::MakeLive& step) { return make_live(session, name, step); },
                 [&](const plan::Revoke& step) { return revoke(session, name, step); },
                 [&](const plan::Pin& step) { return pin(session, name, step); },
                 [&](const plan::Unpin& step) { return unpin(session, name, step); },
                 [&](const plan::Prune& step) { return prune(session, name, step); },
                 [&](const plan::RefreshRenewalInfo& step) { return refresh_renewal_info(session, name, step); },
                 [&](const auto&) -> std::optional<Outcome> {
                   throw base::Error(base::Fault::internal, "a certificate has no such step");
                 }},
      action);
}

std::optional<Time> known(Time when) { return when == Time::max() ? std::nullopt : std::optional(when); }

// Decides and applies until nothing may be done now. `decide` and `apply` see fresh facts each time.
template <class Decide, class Apply>
Verdict run_steps(Session& session, const std::string& subject, Decide decide, Apply apply, auto set_look_again) {
  Verdict verdict;
  Time look_again = Time::max();
  try {
    for (int count = 0;; ++count) {
      if (count == kMostSteps) throw base::Error(base::Fault::internal, "the plan does not come to rest");
      const Time now = session.now();
      auto [facts, decision] = decide(now);
      look_again = decision.look_again;
      const plan::Step* const step = decision.next(now);
      if (step == nullptr || session.host.stop.stop_requested()) break;
      std::optional<Outcome> outcome = apply(facts, step->action);
      if (!outcome) continue;
      if (std::holds_alternative<plan::Issue>(step->action) && outcome->result != Result::failed) ++verdict.renewed;
      verdict.outcomes.push_back(std::move(*outcome));
    }
  } catch (const base::Error& error) {
    const bool stopped = error.fault() == base::Fault::cancelled;
    verdict.outcomes.push_back(
        {subject,
         {},
         "reconcile",
         Result::failed,
         stopped ? fmt::format("{}; the next run goes on from there", error.message()) : error.text()});
    session.progress(Progress::Kind::failed, subject, error.message());
    look_again = stopped ? session.now() : session.now() + std::chrono::minutes(1);
  }
  set_look_again(look_again);
  verdict.look_again = look_again;
  return verdict;
}

// A certificate with targets is done where they are: its issue counts only when it failed or there are no targets.
void count_by_target(Verdict& verdict) {
  const bool targets = std::ranges::any_of(verdict.outcomes, [](const Outcome& o) {
    return o.step == "deploy" || o.step == "verify" || o.step == "rollback";
  });
  if (!targets) return;
  std::erase_if(verdict.outcomes, [](const Outcome& o) { return o.step == "issue" && o.result != Result::failed; });
}

}  // namespace

Verdict reconcile_certificate(Session& session, const Name& name) {
  const auto locks = base::Directory::create(session.host.state + "/locks", 0700);
  const auto lock = base::FileLock::acquire(locks, "certificate-" + name.text());
  Verdict verdict = run_steps(
      session, subject_of(name),
      [&](Time now) {
        plan::CertificateFacts facts = certificate_facts(session, name);
        plan::Decision decision = plan::decide(facts, now);
        return std::pair(std::move(facts), std::move(decision));
      },
      [&](const plan::CertificateFacts& facts, const plan::Action& action) { return apply(session, facts, action); },
      [&](Time when) {
        // Whoever looks sooner decides the same.
        session.store.transaction([&] { session.subjects.rest(inventory::certificate_subject(name), known(when)); },
                                  inventory::Durability::deferred);
      });
  count_by_target(verdict);
  return verdict;
}

Verdict reconcile_authority(Session& session, const Name& name) {
  const auto locks = base::Directory::create(session.host.state + "/locks", 0700);
  const auto lock = base::FileLock::acquire(locks, "authority-" + name.text());
  const auto artifact = authority_artifact(session, name);
  return run_steps(
      session, authority_subject(name),
      [&](Time now) {
        plan::AuthorityFacts facts = authority_facts(session, name);
        plan::Decision decision = plan::decide(facts, now);
        return std::pair(std::move(facts), std::move(decision));
      },
      [&](const plan::AuthorityFacts& facts, const plan::Action& action) -> std::optional<Outcome> {
        std::optional<Outcome> outcome;
        if (apply_deployment(session, *artifact, facts.publish, action, outcome)) return outcome;
        return sign_crl(session, name);
      },
      [&](Time when) { session.subjects.rest(inventory::authority_subject(name), known(when)); });
}

}  // namespace everseal::reconcile
