#include "reconcile/failure.h"

#include <algorithm>

namespace everseal::reconcile {
namespace {

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

// What a person asked for, and nobody else misses.
bool is_of_an_intent(std::string_view step) noexcept { return step == "revoke"; }

std::string_view event_of(std::string_view step) noexcept {
  if (step == "issue") return "certificate.failed";
  if (step == "crl") return "crl.failed";
  return "step.failed";
}

// In the words of outcomes, which tell fewer steps apart.
std::string_view outcome_step(std::string_view step) noexcept {
  if (step == "stage" || step == "switch" || step == "reload") return "deploy";
  if (step == "delete-keys" || step == "forget") return "remove";
  if (step == "give-up") return "cancel";
  if (step == "pin") return "rollback";
  if (step == "unpin") return "deploy";
  return step;
}

}  // namespace

bool is_same_failure(std::string_view one, std::string_view other) noexcept {
  const auto skip = [](std::string_view& text) {
    while (!text.empty() && is_digit(text.front())) text.remove_prefix(1);
  };
  for (;;) {
    skip(one);
    skip(other);
    if (one.empty() || other.empty()) return one.empty() && other.empty();
    if (one.front() != other.front()) return false;
    one.remove_prefix(1);
    other.remove_prefix(1);
  }
}

bool is_permanent(base::Fault fault) noexcept {
  // What is missing or broken here (a passphrase, a directory, the config) may be there again tomorrow.
  using base::Fault;
  return fault == Fault::denied || fault == Fault::invalid || fault == Fault::usage;
}

Outcome record_failure(Session& session, const inventory::SubjectId& subject, const plan::StepKey& key,
                       const base::Error& error, std::optional<plan::Validity> in_use) {
  const Time now = session.now();
  const auto earlier = session.attempts.find(std::string(key.step), subject.text(), key.target);
  inventory::AttemptRecord attempt;
  attempt.step = key.step;
  attempt.subject = subject.text();
  attempt.target = key.target;
  attempt.count = (earlier ? earlier->count : 0) + 1;
  attempt.problem = error.text();
  attempt.fault = to_string(error.fault());
  attempt.last = now;
  attempt.needs_operator = is_of_an_intent(key.step) && is_permanent(error.fault());
  if (!attempt.needs_operator) attempt.not_before = plan::retry_time(attempt.count, now, in_use, error.retry_at());
  session.store.transaction([&] {
    // One cause may stop a step for one version after the other.
    const bool is_told = std::ranges::any_of(session.attempts.of(attempt.subject), [&](const auto& known) {
      return known.step == attempt.step && is_same_failure(known.problem, attempt.problem);
    });
    session.attempts.put(attempt);
    if (is_told) return;
    Detail detail{{"step", attempt.step}, {"problem", attempt.problem}};
    if (!key.target.empty()) detail.emplace_back(key.step == "issue" ? "issuer" : "target", key.target);
    session.events.add(event_of(key.step), subject.text(), detail, now);
  });
  session.progress(Progress::Kind::failed, subject.text(), error.message());
  Outcome outcome = failure(subject.text(), key.target, std::string(outcome_step(key.step)), error);
  outcome.facts.retry_at = attempt.not_before;
  return outcome;
}

}  // namespace everseal::reconcile
