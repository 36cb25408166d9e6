// What is to be done for one subject, why, and when to look again. Pure values; each kind of subject has actions of its
// own (certificate.h, authority.h) and shares those of deployments (deployments.h).
#pragma once

#include "base/name.h"
#include "base/time.h"
#include "inventory/records.h"
#include "plan/schedule.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::plan {

using base::Name;
using base::Time;

// One Rule a check, in the order in which they are asked.
enum class Rule {
  orphaned,            // vanished from the config: nothing is done any more
  interrupted,         // an earlier run began it
  requested,           // a person asked for it
  missing,
  lost,                // what the store knows is gone from the disk
  touched,             // what is on the disk was changed by somebody
  specification_changed,
  issuer_left,         // its issuer is no longer in the list
  revoked,
  renewal_suggested,   // the CA's renewal information says so
  renewal_due,
  renewed_too_often,   // held back: several versions are that young already
  renewal_info_due,    // the CA is to be asked when it wants the renewal
  not_valid_yet,
  not_live,
  held,                // a version stays in use after a rollback by hand, or was to
  not_deployed,
  target_changed,
  target_left,         // the target, or its former place, is no longer in the config
  not_verified,
  wrong_certificate_served,
  failed_before,       // an earlier attempt failed; this is the next one
  no_longer_wanted,    // what was begun, and nothing asks for it any more
  key_no_longer_needed,
  ended_long_ago,      // versions that nothing needs any more
  crl_due,
  crl_changed,
  no_intermediate,     // an authority that cannot sign yet
  ended,               // an authority that cannot sign any more
  clock_untrusted,     // nothing is ordered or signed until the clock is right
  dns_fault,           // what an audit saw in the DNS, which a CA will not get past
  unreadable,          // its facts
  nothing_due,
};
std::string_view to_string(Rule rule) noexcept;

struct Reason {
  Rule rule;
  std::string text;
};

// Why a step is not done now. needs_operator: repeating it does not help, what stands in the way is for a person.
enum class Gate { open, backing_off, needs_operator, clock_untrusted };
std::string_view to_string(Gate gate) noexcept;

template <class Action>
struct Step {
  Action action;
  std::vector<Reason> why;
  Gate gate = Gate::open;
  Time not_before{};        // in the past where it may be done now; Time::max(): not by itself
};

template <class Action>
struct Decision {
  std::vector<Step<Action>> steps;   // in the order in which they are to be done
  std::vector<Reason> standing;      // why nothing else is
  std::optional<Time> look_again;    // nullopt: nothing is due until something changes

  // The first step that may be done at `now`; null where there is none.
  const Step<Action>* next(Time now) const noexcept {
    const auto due = std::ranges::find_if(steps, [&](const Step<Action>& step) { return step.not_before <= now; });
    return due == steps.end() ? nullptr : &*due;
  }
  void look_at(Time when) noexcept {
    if (when != Time::max()) look_again = std::min(look_again.value_or(when), when);
  }
  void add(Step<Action> step) {
    look_at(step.not_before);
    steps.push_back(std::move(step));
  }
};

// What an attempt at a step is remembered by.
struct StepKey {
  std::string_view step;  // the action's kind
  std::string target;     // issuer, deployment, version, or ""
  bool operator==(const StepKey&) const = default;
};

// The attempt of that key that stands failed; null where none does.
const inventory::AttemptRecord* failed(const std::vector<inventory::AttemptRecord>& attempts, const StepKey& key) noexcept;

// The gate and the time that a failed attempt asks for; nullopt: the step may be done now.
struct Hold {
  Gate gate;
  Time not_before;
  Reason reason;
};
std::optional<Hold> hold_of(const inventory::AttemptRecord* attempt, Time now);

// Lets `step` wait for what an earlier failure of it demands, and says so among its reasons.
template <class Action>
void hold_back(Step<Action>& step, const inventory::AttemptRecord* attempt, Time now) {
  const auto hold = hold_of(attempt, now);
  if (!hold) return;
  step.gate = hold->gate;
  step.not_before = hold->not_before;
  step.why.push_back(hold->reason);
}

// Has a step wait until the clock is right. `problem`: why it is not to be trusted; "": it is.
template <class Action>
void hold_for_clock(Step<Action>& step, const std::string& problem, Time now) {
  if (problem.empty()) return;
  step.gate = Gate::clock_untrusted;
  step.not_before = std::max(step.not_before, now + kClockIsLookedAt);
  step.why.push_back({Rule::clock_untrusted, problem});
}

}  // namespace everseal::plan
