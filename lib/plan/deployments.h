// What one target needs, for a managed certificate and for an authority's publications alike.
#pragma once

#include "config/config.h"
#include "inventory/records.h"
#include "plan/decision.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace everseal::plan {

// `kind` is the word for it in JSON and in the key of its attempts.
struct Stage { static constexpr std::string_view kind = "stage"; Name target; std::int64_t number; };
struct Switch { static constexpr std::string_view kind = "switch"; Name target; std::int64_t number; };
struct Reload { static constexpr std::string_view kind = "reload"; Name target; std::int64_t number; };
struct Verify { static constexpr std::string_view kind = "verify"; Name target; std::int64_t number; };
struct RollBack { static constexpr std::string_view kind = "rollback"; Name target; std::int64_t to; };
// Takes away what was put at a target that is no longer in the config, or (former_place) at a former place of one.
struct Retire { static constexpr std::string_view kind = "retire"; Name target; std::optional<std::int64_t> former_place; };
using DeploymentAction = std::variant<Stage, Switch, Reload, Verify, RollBack, Retire>;

// "stage version 3 for nginx"
std::string describe(const DeploymentAction& action);
StepKey key_of(const DeploymentAction& action);
const Name& target_of(const DeploymentAction& action);
std::string no_longer_there(const Name& target);  // of what was deployed, in words

struct DeploymentFacts {
  std::int64_t number = 0;                                // the artifact that is to be at every target
  std::vector<config::Deployment> wanted;
  std::vector<inventory::DeploymentRecord> records;       // also of targets that left the config
  std::vector<inventory::FormerPlaceRecord> former_places;
  std::vector<inventory::AttemptRecord> attempts;
  std::vector<Name> lost;                                 // targets whose deployed files are gone or changed
  // Why a switched target that does not serve what it should must not go back; nullopt where it may.
  std::function<std::optional<std::string>(const inventory::DeploymentRecord&)> against_rollback;
};

// What is to be done at the targets that are wanted.
Decision<DeploymentAction> decide_deployments(const DeploymentFacts& facts, Time now);
// What is to be taken away. Only what is proved everywhere lets a former place go; until then it stands that it will.
Decision<DeploymentAction> decide_retirements(const DeploymentFacts& facts, Time now);
// Is `number` in place and proved, as far as that can be, at every wanted target?
bool is_settled(const DeploymentFacts& facts);

// Puts the steps of `part` behind those of `whole`.
template <class Action, class Part>
void append(Decision<Action>& whole, Decision<Part> part) {
  for (Step<Part>& step : part.steps)
    whole.add({Action(std::move(step.action)), std::move(step.why), step.gate, step.not_before});
  for (Reason& reason : part.standing) whole.standing.push_back(std::move(reason));
  if (part.look_again) whole.look_at(*part.look_again);
}

}  // namespace everseal::plan
