#include "plan/deployments.h"

#include "base/overloaded.h"
#include "base/text.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::plan {
namespace {

using inventory::DeploymentRecord;
using inventory::DeploymentState;
using inventory::Served;
using DeploymentStep = Step<DeploymentAction>;

const DeploymentRecord* record_of(const DeploymentFacts& facts, const Name& target) noexcept {
  const auto found = std::ranges::find(facts.records, target, &DeploymentRecord::target);
  return found == facts.records.end() ? nullptr : &*found;
}

std::optional<DeploymentStep> step_at(const config::Deployment& target, const DeploymentFacts& facts, Time now) {
  const Name& name = target.name;
  const std::int64_t number = facts.number;
  const auto step = [&](DeploymentAction action, Rule rule, std::string text,
                        std::optional<Time> not_before = std::nullopt) {
    DeploymentStep made{std::move(action), {{rule, std::move(text)}}, Gate::open, now};
    if (not_before && *not_before > now) {
      made.gate = Gate::backing_off;
      made.not_before = *not_before;
    }
    return made;
  };
  const DeploymentRecord* const record = record_of(facts, name);
  if (record == nullptr)
    return step(Stage{name, number}, Rule::not_deployed, fmt::format("nothing was deployed to {} yet", name));
  if (record->version != number)
    return step(Stage{name, number}, Rule::not_deployed,
                fmt::format("as far as is known {} has version {}, wanted is {}", name, record->version, number));
  if (record->spec_hash.empty())
    return step(Stage{name, number}, Rule::requested, "a deployment was asked for", record->not_before);
  if (record->spec_hash != config::deployment_hash(target))
    return step(Stage{name, number}, Rule::target_changed, fmt::format("the configuration of {} changed", name));
  if (std::ranges::find(facts.lost, name) != facts.lost.end() && record->state != DeploymentState::failed)
    return step(Stage{name, number}, Rule::lost, no_longer_there(name),
                record->not_before);

  switch (record->state) {
    case DeploymentState::staged:
      return step(Switch{name, number}, Rule::not_deployed,
                  fmt::format("version {} is staged for {}", number, name));
    case DeploymentState::switched:
      return step(Reload{name, number}, Rule::not_verified, fmt::format("{} has version {} and was not reloaded yet", name, number));
    case DeploymentState::reloaded:
      if (record->after != Served::unknown && !facts.against_rollback(*record))
        return step(RollBack{name, *record->previous}, Rule::wrong_certificate_served,
                    fmt::format("after the switch {} showed: {}", name, to_string(record->after)));
      return step(Verify{name, number}, Rule::not_verified, fmt::format("the switch at {} is not proved yet", name));
    case DeploymentState::unverified:
      return step(Verify{name, number}, Rule::not_verified,
                  fmt::format("{} was not seen to serve version {}: {}", name, number, record->problem),
                  record->not_before);
    case DeploymentState::failed:
      return step(Stage{name, number}, Rule::failed_before,
                  fmt::format("attempt {} at {} failed: {}", record->attempts, name, record->problem),
                  record->not_before);
    case DeploymentState::verified:
    case DeploymentState::unverifiable:
      return std::nullopt;
  }
  return std::nullopt;
}

// "what was put into /etc/nginx/tls", of a target's form.
std::string what_was_put(const std::string& spec) {
  const std::string directory = config::directory_in_form(spec);
  return directory.empty() ? "what was put there" : "what was put into " + base::printable(directory);
}

Reason taken_away_later(const std::string& why, const std::string& spec) {
  return {Rule::target_left,
          fmt::format("{}: {} is taken away once all else is deployed and proved", why, what_was_put(spec))};
}

// Is it to be put into another directory than the one in which it is?
bool leaves_its_place(const DeploymentRecord& record, const config::Deployment& wanted) {
  const std::string directory = config::directory_in_form(record.spec);
  return !directory.empty() && directory != config::directory_in_form(config::target_form(wanted));
}

}  // namespace

std::string no_longer_there(const Name& target) {
  return fmt::format("what was deployed to {} is no longer there", target);
}

std::string describe(const DeploymentAction& action) {
  return std::visit(
      base::Overloaded{
          [](const Stage& s) { return fmt::format("deploy version {} to {}", s.number, s.target); },
          [](const Switch& s) { return fmt::format("switch {} to version {}", s.target, s.number); },
          [](const Reload& s) { return fmt::format("reload {}", s.target); },
          [](const Verify& s) { return fmt::format("verify {}", s.target); },
          [](const RollBack& s) { return fmt::format("roll {} back to version {}", s.target, s.to); },
          [](const Retire& s) {
            return s.former_place ? fmt::format("take away what is at the former place of {}", s.target)
                                  : fmt::format("take away what was deployed to {}", s.target);
          },
      },
      action);
}

StepKey key_of(const DeploymentAction& action) {
  return std::visit([&](const auto& one) { return StepKey{one.kind, target_of(action).text()}; }, action);
}

const Name& target_of(const DeploymentAction& action) {
  return std::visit([](const auto& one) -> const Name& { return one.target; }, action);
}

Decision<DeploymentAction> decide_deployments(const DeploymentFacts& facts, Time now) {
  Decision<DeploymentAction> decision;
  for (const config::Deployment& target : facts.wanted)
    if (auto step = step_at(target, facts, now)) decision.add(std::move(*step));
  return decision;
}

bool is_settled(const DeploymentFacts& facts) {
  return std::ranges::all_of(facts.wanted, [&](const config::Deployment& target) {
    const DeploymentRecord* const record = record_of(facts, target.name);
    return record != nullptr && record->version == facts.number && is_proved(record->state);
  });
}

Decision<DeploymentAction> decide_retirements(const DeploymentFacts& facts, Time now) {
  Decision<DeploymentAction> decision;
  bool settled = is_settled(facts);
  // Its files go as well. Whoever has a server that reads them there hears of it before anything is done.
  for (const config::Deployment& target : facts.wanted) {
    const DeploymentRecord* const record = record_of(facts, target.name);
    if (record == nullptr || !leaves_its_place(*record, target)) continue;
    settled = false;
    decision.standing.push_back(taken_away_later(fmt::format("{} is to be somewhere else", target.name), record->spec));
  }
  const auto add = [&](Retire action, std::string why, const std::string& spec) {
    if (!settled) {
      decision.standing.push_back(taken_away_later(why, spec));
      return;
    }
    DeploymentStep step{action,
                        {{Rule::target_left, fmt::format("{}; {} is taken away", why, what_was_put(spec))}},
                        Gate::open,
                        now};
    hold_back(step, failed(facts.attempts, key_of(step.action)), now);
    decision.add(std::move(step));
  };
  for (const DeploymentRecord& record : facts.records)
    if (std::ranges::find(facts.wanted, record.target, &config::Deployment::name) == facts.wanted.end())
      add({record.target, std::nullopt}, fmt::format("{} is no longer in the configuration", record.target),
          record.spec);
  for (const inventory::FormerPlaceRecord& place : facts.former_places)
    add({place.target, place.id}, fmt::format("{} is somewhere else now", place.target), place.spec);
  return decision;
}

}  // namespace everseal::plan
