// Decides and applies until nothing may be done now, whatever the kind of subject.
#pragma once

#include "base/error.h"
#include "base/log.h"
#include "plan/deployments.h"
#include "reconcile/failure.h"
#include "reconcile/subject.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <string>

#include <fmt/format.h>

namespace everseal::reconcile {

template <class Action>
struct Steps {
  // Reads the facts of this moment and decides.
  std::function<plan::Decision<Action>(Time now)> decide;
  // Carries one step out, under the facts that were read last. nullopt where it is one of several whose end tells.
  std::function<std::optional<Outcome>(const Action&)> apply;
  // Of what is in use, for back-off; under the same facts.
  std::function<std::optional<plan::Validity>(Time now)> in_use;
  std::function<bool(const Action&)> is_in_pass = [](const Action&) { return true; };
  // What is known of a step that failed beside the failure.
  std::function<void(const Action&, Outcome&)> complete = [](const Action&, Outcome&) {};
};

// A failure that no step of the decision could repeat is over: what it was about is no longer wanted.
template <class Action>
void forget_failures(Session& session, const inventory::SubjectId& subject, const plan::Decision<Action>& decision) {
  for (const inventory::AttemptRecord& attempt : session.attempts.of(subject.text())) {
    const bool is_wanted = std::ranges::any_of(decision.steps, [&](const plan::Step<Action>& step) {
      const plan::StepKey key = key_of(step.action);
      // Another issuer may be asked meanwhile, and this one again.
      return key.step == attempt.step && (key.target == attempt.target || key.step == "issue");
    });
    if (!is_wanted) session.attempts.clear(attempt.step, attempt.subject, attempt.target);
  }
}

template <class Action>
Verdict run_steps(Session& session, const inventory::SubjectId& subject, const Steps<Action>& steps) {
  // More steps than any subject has: a rule that never comes to rest is a mistake of ours, not a busy loop.
  constexpr int kMostSteps = 200;
  constexpr std::string_view kDecide = "decide";
  Verdict verdict;
  const auto look_at_soon = [&](Time when) {
    session.store.transaction([&] { session.subjects.rest(subject, when); });
  };
  for (int count = 0;; ++count) {
    const Time now = session.now();
    std::optional<plan::Step<Action>> step;
    try {
      as_error([&] {
        if (count == kMostSteps) throw base::Error(base::Fault::internal, "the plan does not come to rest");
        session.store.transaction(
            [&] {
              const plan::Decision<Action> decision = steps.decide(now);
              if (const auto* const next = decision.next(now)) {
                if (steps.is_in_pass(next->action)) step = *next;
                return;
              }
              forget_failures(session, subject, decision);
              session.subjects.rest(subject, decision.look_again);
              verdict.look_again = decision.look_again;
            },
            inventory::Durability::deferred);
      });
    } catch (const base::Error& error) {
      if (error.fault() == base::Fault::cancelled) throw;
      Outcome outcome = record_failure(session, subject, {kDecide, {}}, error, std::nullopt);
      look_at_soon(*outcome.facts.retry_at);
      verdict.outcomes.push_back(std::move(outcome));
      return verdict;
    }
    if (!step) return verdict;
    for (const plan::Reason& reason : step->why)
      base::log::info("{}: {}, because {}", subject.text(), describe(step->action), reason.text);
    const plan::StepKey key = key_of(step->action);
    try {
      std::optional<Outcome> outcome;
      as_error([&] {
        // A reload that nobody waits for is told again by the next run: the look that follows it ends by itself and
        // records that.
        if (session.host.stop.stop_requested() && key.step != plan::Verify::kind)
          throw base::Error(base::Fault::cancelled, fmt::format("stopped before it could {}", describe(step->action)));
        outcome = steps.apply(step->action);
      });
      // Most steps never failed: to look costs less than to write.
      if (session.attempts.find(std::string(key.step), subject.text(), key.target))
        session.attempts.clear(std::string(key.step), subject.text(), key.target);
      if (!outcome) continue;
      if (key.step == "issue" && !is_failure(outcome->result)) ++verdict.renewed;
      verdict.outcomes.push_back(std::move(*outcome));
    } catch (const base::Error& error) {
      if (error.fault() == base::Fault::cancelled) {
        look_at_soon(now);
        verdict.outcomes.push_back({subject.text(),
                                    {},
                                    "reconcile",
                                    Result::failed,
                                    fmt::format("{}; the next run goes on from there", error.message()),
                                    {.fault = error.fault()}});
        return verdict;
      }
      Outcome outcome = record_failure(session, subject, key, error, steps.in_use(now));
      steps.complete(step->action, outcome);
      verdict.outcomes.push_back(std::move(outcome));
    }
  }
}

}  // namespace everseal::reconcile
