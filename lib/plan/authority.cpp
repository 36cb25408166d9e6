#include "plan/authority.h"

#include "base/overloaded.h"

#include <utility>

#include <fmt/format.h>

namespace everseal::plan {
namespace {

// No CRL outlives who signed it (RFC 5280 section 6.3.3 wants a valid issuer), so one that ends with it needs no next.
bool lasts(const AuthorityFacts& facts) { return facts.ends && facts.crl->next_update >= *facts.ends; }

std::optional<Reason> reason_to_sign(const AuthorityFacts& facts, Time now) {
  // Nothing else helps before that is back, and it may bring the rest.
  if (!facts.missing.empty() && (facts.revocations_lost || !facts.crl_on_disk))
    return Reason{Rule::lost, facts.missing};
  if (facts.revocations_lost)
    return Reason{Rule::lost,
                  fmt::format("what it revoked was lost with the database, and no CRL is signed without it: put its "
                              "newest crl.der back, or `everseal ca crl {} --accept-loss`",
                              facts.record.name)};
  if (!facts.crl) return Reason{Rule::missing, "there is no CRL yet"};
  if (!facts.crl_on_disk) return Reason{Rule::lost, std::string(kCrlLost)};
  if (facts.record.crl_dirty) return Reason{Rule::crl_changed, "certificates were revoked since the last CRL"};
  // None begins before who signs it: one that a clock made that was ahead gets no better by the next.
  if (facts.crl->this_update > std::max(now, facts.begins.value_or(now)))
    return Reason{
        Rule::not_valid_yet,
        fmt::format("the CRL begins {}: it was signed under a clock that was ahead, and is refused until then",
                    base::format_time(facts.crl->this_update))};
  if (lasts(facts) || refresh_time(*facts.crl) > now) return std::nullopt;
  return Reason{Rule::crl_due, fmt::format("the CRL ends {}, and half of its life is over",
                                           base::format_time(facts.crl->next_update))};
}

}  // namespace

std::string describe(const AuthorityAction& action) {
  return std::visit(base::Overloaded{
                        [](const SignCrl&) { return std::string("sign a new CRL"); },
                        [](const DeploymentAction& s) { return describe(s); },
                    },
                    action);
}

StepKey key_of(const AuthorityAction& action) {
  return std::visit(base::Overloaded{
                        [](const SignCrl& s) {
                          return StepKey{s.kind, {}};
                        },
                        [](const DeploymentAction& s) { return key_of(s); },
                    },
                    action);
}

Time refresh_time(const inventory::CrlRecord& crl) noexcept {
  return crl.this_update + (crl.next_update - crl.this_update) / 2;
}

namespace {

// What failed and no step would repeat: the next run, which looks after an authority with failures, forgets it.
void tell_left_over(const AuthorityFacts& facts, Decision<AuthorityAction>& decision) {
  for (const inventory::AttemptRecord& attempt : facts.attempts) {
    const bool is_repeated = std::ranges::any_of(decision.steps, [&](const Step<AuthorityAction>& step) {
      return key_of(step.action) == StepKey{attempt.step, attempt.target};
    });
    if (!is_repeated)
      decision.standing.push_back(
          {Rule::failed_before,
           fmt::format("{} failed {} time(s): {}; nothing asks for it any more, and the next `everseal renew` forgets it",
                       describe(attempt), attempt.count, attempt.problem)});
  }
}

Decision<AuthorityAction> decide_steps(const AuthorityFacts& facts, Time now) {
  Decision<AuthorityAction> decision;
  if (!facts.missing.empty()) decision.standing.push_back({Rule::lost, facts.missing});
  if (!facts.has_intermediate) {
    // `ca import` wakes it.
    decision.standing.push_back(
        {Rule::no_intermediate,
         "waits for its intermediate; `everseal ca import` brings it in once the root signed its CSR"});
    return decision;
  }
  if (facts.begins && *facts.begins > now) {
    decision.standing.push_back(
        {Rule::not_valid_yet,
         fmt::format("its certificate is valid from {} on only, and nothing that it signs before: a clock that was ahead "
                     "made it, or this one is behind",
                     base::format_time(*facts.begins))});
    decision.look_at(*facts.begins);
  }
  if (facts.ends && *facts.ends <= now) {
    decision.standing.push_back(
        {Rule::ended, fmt::format("its certificate ended {}: nothing that it signs is trusted, so it signs no CRL; {}",
                                  base::format_time(*facts.ends), kAnotherAuthority)});
    if (!facts.clock_problem.empty()) decision.look_at(now + kClockIsLookedAt);
  } else if (auto reason = reason_to_sign(facts, now)) {
    const bool is_of_clock = reason->rule == Rule::not_valid_yet;
    Step<AuthorityAction> step{SignCrl{}, {*std::move(reason)}, Gate::open, now};
    hold_back(step, failed(facts.attempts, key_of(step.action)), now);
    // Where the clock may be what is wrong, the CRL may be right.
    if (is_of_clock) hold_for_clock(step, facts.clock_problem, now);
    decision.add(std::move(step));
  } else {
    const Time refresh = lasts(facts) ? *facts.ends : refresh_time(*facts.crl);
    decision.standing.push_back(
        {Rule::nothing_due, fmt::format("CRL {} is fresh until {}", facts.crl->number, base::format_time(refresh))});
    decision.look_at(refresh);
  }
  if (!facts.crl) return decision;
  const DeploymentFacts publications{.number = static_cast<std::int64_t>(facts.crl->number),
                                     .wanted = facts.publish,
                                     .records = facts.deployments,
                                     .former_places = facts.former_places,
                                     .attempts = facts.attempts,
                                     .lost = facts.lost_targets,
                                     .against_rollback = [](const inventory::DeploymentRecord&) {
                                       return std::optional<std::string>("an older CRL is never published again");
                                     }};
  append(decision, decide_deployments(publications, now));
  append(decision, decide_retirements(publications, now));
  return decision;
}

}  // namespace

Decision<AuthorityAction> decide(const AuthorityFacts& facts, Time now) {
  Decision<AuthorityAction> decision = decide_steps(facts, now);
  tell_left_over(facts, decision);
  return decision;
}

}  // namespace everseal::plan
