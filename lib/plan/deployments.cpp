#include "plan/deployments.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::plan {

using inventory::DeploymentRecord;
using inventory::DeploymentState;
using inventory::Served;

void decide_deployment(const config::Deployment& target, std::int64_t number,
                       const std::vector<DeploymentRecord>& records,
                       const std::function<std::optional<std::string>(const DeploymentRecord&)>& against_rollback,
                       Time now, Decision& decision) {
  const auto add = [&](Action action, Rule rule, std::string text, std::optional<Time> not_before = std::nullopt) {
    Step step{std::move(action), {{rule, std::move(text)}}, Gate::open, now};
    if (not_before && *not_before > now) {
      step.gate = Gate::backing_off;
      step.not_before = *not_before;
    }
    decision.look_again = std::min(decision.look_again, step.not_before);
    decision.steps.push_back(std::move(step));
  };

  const auto record = std::ranges::find(records, target.name, &DeploymentRecord::target);
  if (record == records.end() || record->state == DeploymentState::retired)
    return add(Deploy{target.name, number}, Rule::not_deployed, fmt::format("nothing was deployed to {} yet", target.name));
  if (record->version != number)
    return add(Deploy{target.name, number}, Rule::not_deployed,
               fmt::format("{} has version {}, wanted is {}", target.name, record->version, number));
  if (record->spec_hash != config::deployment_hash(target))
    return add(Deploy{target.name, number}, Rule::target_changed,
               fmt::format("the configuration of {} changed", target.name));

  switch (record->state) {
    case DeploymentState::staged:
      return add(Deploy{target.name, number}, Rule::interrupted,
                 fmt::format("the deployment to {} was begun and not finished", target.name));
    case DeploymentState::switched:
      if (record->after != Served::unknown && !against_rollback(*record))
        return add(RollBack{target.name, *record->previous}, Rule::wrong_certificate_served,
                   fmt::format("after the switch {} showed: {}", target.name, to_string(record->after)));
      return add(Verify{target.name}, Rule::not_verified,
                 fmt::format("the switch at {} is not proved yet", target.name));
    case DeploymentState::unverified:
      return add(Verify{target.name}, Rule::not_verified,
                 fmt::format("{} was not seen to serve version {}: {}", target.name, number, record->problem),
                 record->not_before);
    case DeploymentState::failed:
      return add(Deploy{target.name, number}, Rule::failed_before,
                 fmt::format("attempt {} at {} failed: {}", record->attempts, target.name, record->problem),
                 record->not_before);
    case DeploymentState::verified:
    case DeploymentState::unverifiable:
      if (!record->reload_problem.empty())
        decision.standing.push_back({Rule::nothing_due, fmt::format("{} serves version {}, though its reload failed: {}",
                                                                    target.name, number, record->reload_problem)});
      return;
    case DeploymentState::retired: return;
  }
}

}  // namespace everseal::plan
