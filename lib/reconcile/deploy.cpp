// The stages of a switch at one target, each recorded before the next. What the probe shows decides, not the reload's
// exit.
#include "base/error.h"
#include "base/overloaded.h"
#include "base/text.h"
#include "plan/schedule.h"
#include "reconcile/failure.h"
#include "reconcile/hold.h"
#include "reconcile/kinds.h"
#include "reconcile/mends.h"
#include "reconcile/places.h"
#include "reconcile/steps.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include <fmt/format.h>

namespace everseal::reconcile {
namespace {

using inventory::DeploymentRecord;
using inventory::DeploymentState;
using inventory::Durability;
using inventory::Served;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

Detail details(const DeploymentRecord& record, std::string problem = {}) {
  Detail detail{{"target", record.target.text()}, {"version", std::to_string(record.version)}};
  if (!problem.empty()) detail.emplace_back("problem", std::move(problem));
  return detail;
}

void commit(Session& session, Deployable& artifact, DeploymentRecord& record, std::string_view action, Detail detail,
            Durability durability = Durability::on_return) {
  const Time now = session.now();
  record.changed = now;
  session.store.transaction(
      [&] {
        session.deployments.put(record);
        session.events.add(action, artifact.subject(), detail, now);
      },
      durability);
}

constexpr std::string_view kRolledBack = "deployment.rolled_back";

// Counts it, with the plan's back-off; the history has one event for each distinct failure, and for each rollback.
void commit_failure(Session& session, Deployable& artifact, DeploymentRecord& record, DeploymentState state,
                    std::string_view action, std::string problem, Detail more = {},
                    std::optional<Time> asked = std::nullopt) {
  const bool is_new = record.attempts == 0 || !is_same_failure(record.problem, problem) || action == kRolledBack;
  record.state = state;
  record.attempts += 1;
  record.problem = std::move(problem);
  record.not_before = plan::retry_time(record.attempts, session.now(), artifact.in_use(), asked);
  record.changed = session.now();
  session.store.transaction([&] {
    session.deployments.put(record);
    if (!is_new) return;
    Detail detail = details(record, record.problem);
    detail.insert(detail.end(), more.begin(), more.end());
    session.events.add(action, artifact.subject(), detail, record.changed);
  });
}

void end_failure(DeploymentRecord& record) {
  record.attempts = 0;
  record.problem.clear();
  record.not_before.reset();
}

Outcome outcome(Deployable& artifact, const DeploymentRecord& record, std::string_view step, Result result,
                std::string text) {
  Outcome made{artifact.subject(), record.target.text(),          std::string(step), result,
               std::move(text),    artifact.facts(record.version)};
  made.facts.retry_at = record.not_before;
  return made;
}

Outcome report(Session& session, Outcome made) {
  const auto kind = is_failure(made.result) ? Progress::Kind::failed : Progress::Kind::done;  // the verdict says more
  session.progress(kind, made.subject, fmt::format("{}: {}", made.target, made.text));
  return made;
}

// Sleeps, unless somebody asks to stop.
void pause(const Session& session, milliseconds time) {
  std::mutex mutex;
  std::condition_variable_any condition;
  std::unique_lock lock(mutex);
  condition.wait_for(lock, session.host.stop, time, [] { return false; });
}

// What was not done to the end proves nothing: the step is left as it is recorded, and taken again by the next run.
void require_not_stopped(const Session& session, std::string_view doing) {
  if (session.host.stop.stop_requested())
    throw base::Error(base::Fault::cancelled, fmt::format("stopped while {}", doing));
}

// What was wrong with the reload, or "". A hook that is not to be run is like one that fails.
std::string run_reload(Session& session, deploy::Target& place) {
  try {
    const auto exit = place.reload(session.host.stop);
    if (exit && exit->how == base::Exit::How::cancelled) require_not_stopped(session, "reloading");
    if (!exit || exit->success()) return {};
    return describe(*exit);
  } catch (const base::Error& error) {
    if (error.fault() == base::Fault::cancelled) throw;
    return error.text();
  }
}

constexpr milliseconds kFirstPause{20};
constexpr milliseconds kLongestPause{1000};
// A failed reload rarely shows late; wait for it, but not as long.
constexpr milliseconds kAfterFailedReload{3000};

// Looks until `number` is served or the time is up: reloads are asynchronous.
Sight look_until_served(Session& session, Deployable& artifact, const config::Deployment& target, deploy::Target& place,
                        std::int64_t number, std::optional<std::int64_t> previous, milliseconds bound) {
  const auto end = steady_clock::now() + bound;
  for (milliseconds wait = kFirstPause;; wait = std::min(wait * 2, kLongestPause)) {
    Sight sight = artifact.look(target, place, number, previous);
    if (sight.served == Served::wanted || !sight.can_be_seen || steady_clock::now() + wait > end) return sight;
    const auto left = std::chrono::duration_cast<std::chrono::seconds>(end - steady_clock::now());
    if (wait > kLongestPause / 2)
      session.progress(Progress::Kind::waiting, artifact.subject(),
                       fmt::format("{} s left for version {}: {}", left.count(), number, sight.text));
    pause(session, wait);
    require_not_stopped(session, "waiting for the new version to be served");
  }
}

DeploymentRecord load(Session& session, Deployable& artifact, const Name& target) {
  const auto record = session.deployments.find(artifact.kind(), artifact.name(), target);
  if (!record)
    throw base::Error(base::Fault::internal, fmt::format("{} was never deployed to {}", artifact.subject(), target));
  return *record;
}

// What has left: remembered until it is taken away.
void keep_former_place(Session& session, const DeploymentRecord& earlier, const config::Deployment& target) {
  if (earlier.spec.empty() || earlier.spec == config::target_form(target)) return;
  const auto former = config::from_target_form(earlier.spec, earlier.target, config_kinds({}));
  if (config::place_of(former).empty() || config::place_of(former) == config::place_of(target)) return;
  session.deployments.add_former_place({.artifact = earlier.artifact,
                                        .owner = earlier.owner,
                                        .target = earlier.target,
                                        .spec = earlier.spec,
                                        .left_at = session.now()});
}

using Targets = std::vector<config::Deployment>;

std::optional<Outcome> stage(Session& session, Deployable& artifact, const Targets& wanted,
                             const config::Deployment& target, std::int64_t number) {
  const std::string hash = config::deployment_hash(target);
  const auto earlier = session.deployments.find(artifact.kind(), artifact.name(), target.name);
  const bool same = earlier && earlier->version == number && earlier->spec_hash == hash;
  DeploymentRecord record = earlier.value_or(DeploymentRecord{});
  record.artifact = artifact.kind();
  record.owner = artifact.name();
  record.target = target.name;
  record.spec_hash = hash;
  record.version = number;
  bool was_lost = same && is_proved(earlier->state);
  const std::string loss = fmt::format("what was deployed to {} was no longer there", target.name);
  if (!same) end_failure(record);
  session.progress(Progress::Kind::doing, artifact.subject(),
                   fmt::format("deploying version {} to {}", number, target.name));
  try {
    require_own_place(session, artifact, target, wanted);
    const auto place = open_target(target, artifact.name());
    // A loss that was not mended, too, but no reload that failed.
    if (same && earlier->state == DeploymentState::failed && earlier->current == number)
      was_lost = !artifact.stands(*place, number);
    if (was_lost) require_mendable(session, artifact.subject(), target.name, loss);
    const auto current = place->current() ? place->current() : record.current;
    if (current && *current != number)
      record.previous = current;
    else if (!same)
      record.previous.reset();
    record.before = artifact.look(target, *place, number, record.previous).served;
    artifact.with(number, [&](const deploy::Artifact& made) { place->stage(made); });
  } catch (const base::Error& error) {
    if (error.fault() == base::Fault::cancelled) throw;
    commit_failure(session, artifact, record, DeploymentState::failed, "deployment.failed", error.text(), {},
                   error.retry_at());
    return report(session, outcome(artifact, record, "deploy", Result::failed, record.problem));
  }
  record.after = Served::unknown;
  record.reload_problem.clear();
  record.state = DeploymentState::staged;
  record.spec = config::target_form(target);
  session.store.transaction([&] {
    if (earlier) keep_former_place(session, *earlier, target);
    if (was_lost) session.events.add(kDamaged, artifact.subject(), details(record, loss), session.now());
    commit(session, artifact, record, "deployment.staged", details(record));
  });
  return std::nullopt;
}

std::optional<Outcome> switch_over(Session& session, Deployable& artifact, const Targets& wanted,
                                   const config::Deployment& target, std::int64_t number) {
  DeploymentRecord record = load(session, artifact, target.name);
  require_own_place(session, artifact, target, wanted);
  const auto place = open_target(target, artifact.name());
  // A kind that hands over to a program keeps nothing between the steps.
  if (!place->has(number)) artifact.with(number, [&](const deploy::Artifact& made) { place->stage(made); });
  place->switch_to(number, session.host.stop);
  record.current = number;
  record.paths = base::join(place->paths(), "\n");
  record.state = DeploymentState::switched;
  commit(session, artifact, record, "deployment.switched", details(record));
  return std::nullopt;
}

std::optional<Outcome> reload(Session& session, Deployable& artifact, const config::Deployment& target) {
  DeploymentRecord record = load(session, artifact, target.name);
  record.reload_problem = run_reload(session, *open_target(target, artifact.name()));
  require_not_stopped(session, "reloading");  // nobody will wait for it to show: the next run tells the server again
  record.state = DeploymentState::reloaded;
  // A commit that is lost with the power costs one more reload.
  session.store.transaction([&] { session.deployments.put(record); }, Durability::deferred);
  return std::nullopt;
}

// What left the contents of a target, and copies of what nobody goes back to, when the new ones are in use. Gives what
// was wrong with that, or "".
std::string take_rest_away(Deployable& artifact, deploy::Target& place, const DeploymentRecord& record) {
  if (is_proved(record.state)) return {};
  try {
    place.prune(artifact.kept());
    return {};
  } catch (const base::Error& error) {
    if (error.fault() == base::Fault::cancelled) throw;
    return fmt::format("what is not wanted there any more stays: {}", error.text());
  }
}

// With nothing to look at, the reload's exit is all that is known.
Outcome verify_by_exit(Session& session, Deployable& artifact, deploy::Target& place, DeploymentRecord& record,
                       std::string_view why) {
  if (!record.reload_problem.empty()) {
    commit_failure(session, artifact, record, DeploymentState::failed, "deployment.failed",
                   "the reload failed: " + record.reload_problem);
    return report(session, outcome(artifact, record, "deploy", Result::failed,
                                   fmt::format("version {} is in place, but {}", record.version, record.problem)));
  }
  const std::string rest = take_rest_away(artifact, place, record);
  record.state = DeploymentState::unverifiable;
  end_failure(record);
  commit(session, artifact, record, "deployment.unverifiable", details(record, rest));
  const std::string text = fmt::format("version {} is in place; {}", record.version, why);
  if (rest.empty()) return report(session, outcome(artifact, record, "deploy", Result::done, text));
  return report(session, outcome(artifact, record, "deploy", Result::warned, fmt::format("{}, though {}", text, rest)));
}

std::optional<Outcome> roll_back(Session& session, Deployable& artifact, const Targets& wanted,
                                 const config::Deployment& target, std::int64_t to) {
  DeploymentRecord record = load(session, artifact, target.name);
  const std::string problem = record.problem;
  std::string after;
  try {
    require_own_place(session, artifact, target, wanted);
    const auto place = open_target(target, artifact.name());
    if (!place->has(to)) artifact.with(to, [&](const deploy::Artifact& made) { place->stage(made); });
    place->switch_to(to, session.host.stop);
    const std::string reload_problem = run_reload(session, *place);
    const Sight sight =
        look_until_served(session, artifact, target, *place, to, record.version,
                          reload_problem.empty() ? milliseconds(target.verify_timeout) : kAfterFailedReload);
    record.current = to;
    after = sight.served == Served::wanted ? fmt::format("version {} is back", to)
                                           : fmt::format("switched back to version {}, but: {}", to, sight.text);
  } catch (const base::Error& error) {
    if (error.fault() == base::Fault::cancelled) throw;
    commit_failure(session, artifact, record, DeploymentState::unverified, "deployment.unverified",
                   fmt::format("{}; and the way back failed: {}", problem, error.message()));
    return report(session, outcome(artifact, record, "rollback", Result::failed, record.problem));
  }
  commit_failure(session, artifact, record, DeploymentState::failed, kRolledBack, problem,
                 {{"back_to", std::to_string(to)}, {"after", after}});
  Outcome made = outcome(artifact, record, "rollback", Result::rolled_back,
                         fmt::format("version {} was not served: {}; {}", record.version, problem, after));
  made.facts.back_to = to;
  return report(session, std::move(made));
}

// Takes away what stands at `target`. True too where a run before this one did and was killed before it could say so:
// `what` tells that from what comes to stand there later.
bool take_away(Session& session, const Deployable& artifact, const Name& name, deploy::Target& target,
               const std::string& what) {
  inventory::Deployments& deployments = session.deployments;
  const bool was_begun = deployments.was_taking_away(artifact.kind(), artifact.name(), name, what);
  if (!was_begun && target.current()) deployments.begin_taking_away(artifact.kind(), artifact.name(), name, what);
  return target.remove() || was_begun;
}

std::optional<Outcome> retire(Session& session, Deployable& artifact, const Targets& wanted, const plan::Retire& step) {
  std::string spec;
  Time since;
  if (step.former_place) {
    for (const inventory::FormerPlaceRecord& place :
         session.deployments.former_places(artifact.kind(), artifact.name()))
      if (place.id == *step.former_place) {
        spec = place.spec;
        since = place.left_at;
      }
  } else {
    const DeploymentRecord record = load(session, artifact, step.target);
    spec = record.spec;
    since = record.changed;
  }
  Outcome made{artifact.subject(), step.target.text(), "retire", Result::done, {}};
  if (spec.empty()) {
    made.result = Result::warned;
    made.text = "what was deployed there is not known any more: if keys are left there, delete them by hand";
  } else {
    const config::Deployment former = config::from_target_form(spec, step.target, config_kinds({}));
    const std::string place = config::place_of(former);
    const auto target = open_target(former, artifact.name());
    const bool is_used = std::ranges::any_of(wanted, [&](const config::Deployment& other) {
      return (!place.empty() && config::place_of(other) == place) ||
             share_a_directory(*target, *open_target(other, artifact.name()));
    });
    const std::string directory = place.substr(place.find(' ') + 1);
    if (is_used) {
      made.text = "another deployment uses its directory, so nothing was taken away there";
    } else if (const bool was_there = take_away(session, artifact, step.target, *target,
                                                fmt::format("{} {}", base::format_time(since), spec));
               place.empty()) {
      made.text = "its command is not run any more; it takes nothing away";
    } else if (was_there) {
      made.facts.files = target->paths();
      made.text = fmt::format("what was put into {} is taken away", directory);
    } else {
      made.result = Result::warned;
      made.text = fmt::format(
          "nothing of it was found in {}: where that was moved, or is on a file system that is not "
          "mounted, its files and keys are still there",
          directory);
    }
  }
  const Time now = session.now();
  session.store.transaction([&] {
    if (step.former_place)
      session.deployments.remove_former_place(*step.former_place);
    else
      session.deployments.remove(artifact.kind(), artifact.name(), step.target);
    session.deployments.end_taking_away(artifact.kind(), artifact.name(), step.target);
    session.events.add("deployment.retired", artifact.subject(),
                       Detail{{"target", step.target.text()}, {"what", made.text}}, now);
  });
  return report(session, std::move(made));
}

std::string how_to_try_again(Session& session, const Deployable& artifact) {
  return artifact.kind() == inventory::ArtifactKind::version ? trying_again(session.store, artifact.name())
                                                             : fmt::format("everseal ca crl {}", artifact.name());
}

// An error that a stage throws is the deployment's own failure, whatever it was about.
std::optional<Outcome> counted(Session& session, Deployable& artifact, const Name& target, DeploymentState state,
                               std::string_view event, const std::function<std::optional<Outcome>()>& work) {
  try {
    return work();
  } catch (const base::Error& error) {
    DeploymentRecord record = load(session, artifact, target);
    if (error.fault() == base::Fault::cancelled) {
      // The server is told once more before the next look: nobody waited for the first to show.
      if (record.state == DeploymentState::reloaded) {
        record.state = DeploymentState::switched;
        session.deployments.put(record);
      }
      throw;
    }
    commit_failure(session, artifact, record, state, event, error.text(), {}, error.retry_at());
    return report(session, outcome(artifact, record, state == DeploymentState::failed ? "deploy" : "verify",
                                   Result::failed, record.problem));
  }
}

}  // namespace

std::optional<Outcome> verify(Session& session, Deployable& artifact, const config::Deployment& target) {
  DeploymentRecord record = load(session, artifact, target.name);
  const auto place = open_target(target, artifact.name());
  const bool first_look = record.state == DeploymentState::reloaded;
  // What was not served may not have been there when the server was told.
  if (record.state == DeploymentState::unverified) record.reload_problem = run_reload(session, *place);

  if (target.verification == config::Verification::none && artifact.kind() == inventory::ArtifactKind::version)
    return verify_by_exit(session, artifact, *place, record, "there is no listener to verify it at");

  milliseconds bound = target.verify_timeout;
  if (!record.reload_problem.empty()) bound = std::min(bound, kAfterFailedReload);
  const Sight sight = look_until_served(session, artifact, target, *place, record.version, record.previous, bound);
  if (!sight.can_be_seen) return verify_by_exit(session, artifact, *place, record, sight.text);
  record.after = sight.served;
  const auto told = [&](Result result, std::string text) {
    Outcome made = outcome(artifact, record, "verify", result, std::move(text));
    made.facts.seen = sight.seen;
    return made;
  };
  // What was served before the reload as well says nothing of a reload that failed.
  const bool proved = record.reload_problem.empty() || record.before != Served::wanted;
  if (sight.served == Served::wanted && proved) {
    std::vector<std::string> warnings;
    if (const std::string rest = take_rest_away(artifact, *place, record); !rest.empty()) warnings.push_back(rest);
    record.state = DeploymentState::verified;
    end_failure(record);
    Detail detail = details(record);
    detail.emplace_back("seen", sight.text);
    // Told once: what is served now was reloaded somehow.
    if (const std::string problem = std::exchange(record.reload_problem, {}); !problem.empty())
      warnings.push_back("the reload failed: " + problem);
    const std::string warning = base::join(warnings, "; ");
    if (!warning.empty()) detail.emplace_back("warning", warning);
    commit(session, artifact, record, "deployment.verified", std::move(detail));
    if (warning.empty()) return report(session, told(Result::done, sight.text));
    return report(session, told(Result::warned, fmt::format("{}, though {}", sight.text, warning)));
  }

  std::string problem = sight.text;
  if (!proved && sight.served == Served::wanted) problem += ", as it was before";
  if (!record.reload_problem.empty()) problem += "; the reload failed: " + record.reload_problem;
  const auto against = artifact.against_rollback(record, session.now());
  if (first_look && !against) {
    record.problem = problem;
    commit(session, artifact, record, "deployment.not_served", details(record, problem));
    return std::nullopt;  // the decision that follows is to roll back
  }
  Detail more;
  if (against) more.emplace_back("no_rollback", *against);
  commit_failure(session, artifact, record, DeploymentState::unverified, "deployment.unverified", problem, more);
  Outcome made = told(Result::failed, against ? fmt::format("{}; not rolled back: {}", problem, *against) : problem);
  // Who sets up a server needs its certificate first, and the server is not there yet.
  const bool may_come = sight.served == Served::unreachable && record.reload_problem.empty();
  made.facts.hint = fmt::format("when {}: `{}`", may_come ? "the server is set up" : "that is mended",
                                how_to_try_again(session, artifact));
  return report(session, std::move(made));
}

std::optional<Outcome> apply_deployment(Session& session, Deployable& artifact,
                                        const std::vector<config::Deployment>& wanted,
                                        const plan::DeploymentAction& action) {
  const auto at = [&](const Name& name) -> const config::Deployment& {
    const auto found = std::ranges::find(wanted, name, &config::Deployment::name);
    if (found == wanted.end()) throw base::Error(base::Fault::internal, fmt::format("no deployment {}", name));
    return *found;
  };
  const auto failing_to = [&](DeploymentState state, std::string_view event, const Name& target, auto work) {
    return counted(session, artifact, target, state, event, work);
  };
  constexpr std::string_view failed = "deployment.failed";
  constexpr std::string_view unverified = "deployment.unverified";
  std::optional<Outcome> made = std::visit(
      base::Overloaded{
          [&](const plan::Stage& s) { return stage(session, artifact, wanted, at(s.target), s.number); },
          [&](const plan::Switch& s) {
            return failing_to(DeploymentState::failed, failed, s.target,
                              [&] { return switch_over(session, artifact, wanted, at(s.target), s.number); });
          },
          [&](const plan::Reload& s) {
            return failing_to(DeploymentState::unverified, unverified, s.target,
                              [&] { return reload(session, artifact, at(s.target)); });
          },
          [&](const plan::Verify& s) {
            return failing_to(DeploymentState::unverified, unverified, s.target,
                              [&] { return verify(session, artifact, at(s.target)); });
          },
          [&](const plan::RollBack& s) {
            return failing_to(DeploymentState::unverified, unverified, s.target,
                              [&] { return roll_back(session, artifact, wanted, at(s.target), s.to); });
          },
          [&](const plan::Retire& s) { return retire(session, artifact, wanted, s); },
      },
      action);
  if (made && made->result != Result::failed && !std::holds_alternative<plan::Retire>(action))
    made->facts.files = open_target(at(plan::target_of(action)), artifact.name())->paths();
  return made;
}

}  // namespace everseal::reconcile
