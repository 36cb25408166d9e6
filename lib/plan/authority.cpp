#include "plan/authority.h"

#include "plan/deployments.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::plan {
namespace {

constexpr base::Seconds kWaiting = std::chrono::hours(1);

}  // namespace

Decision decide(const AuthorityFacts& facts, Time now) {
  Decision decision;
  if (!facts.has_intermediate) {
    decision.standing.push_back(
        {Rule::no_intermediate,
         "waits for its intermediate; `everseal ca import` brings it in once the root signed its CSR"});
    decision.look_again = now + kWaiting;
    return decision;
  }
  std::optional<Reason> reason;
  const Time refresh = facts.crl ? facts.crl->this_update + (facts.crl->next_update - facts.crl->this_update) / 2 : now;
  if (!facts.crl)
    reason = Reason{Rule::missing, "there is no CRL yet"};
  else if (facts.record.crl_dirty)
    reason = Reason{Rule::crl_changed, "certificates were revoked since the last CRL"};
  else if (refresh <= now)
    reason = Reason{Rule::crl_due, fmt::format("the CRL ends {}, and half of its life is over",
                                               base::format_time(facts.crl->next_update))};
  if (reason) {
    Step step{SignCrl{}, {*reason}, Gate::open, now};
    const auto attempt = std::ranges::find(facts.attempts, "sign-crl", &inventory::AttemptRecord::step);
    if (attempt != facts.attempts.end() && attempt->not_before && *attempt->not_before > now) {
      step.gate = Gate::backing_off;
      step.not_before = *attempt->not_before;
      step.why.push_back({Rule::failed_before, attempt->problem});
    }
    decision.look_again = step.not_before;
    decision.steps.push_back(std::move(step));
  } else {
    decision.standing.push_back(
        {Rule::nothing_due, fmt::format("CRL {} is fresh until {}", facts.crl->number, base::format_time(refresh))});
    decision.look_again = refresh;
  }
  if (facts.crl) {
    for (const config::Deployment& target : facts.publish)
      decide_deployment(
          target, static_cast<std::int64_t>(facts.crl->number), facts.deployments,
          [](const inventory::DeploymentRecord&) {
            return std::optional<std::string>("an older CRL is never published again");
          },
          now, decision);
  }
  return decision;
}

}  // namespace everseal::plan
