// Deploy, verify, roll back: the stages of a switch at one target. What the probe shows decides, not the reload's exit.
#include "base/error.h"
#include "plan/schedule.h"
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
using inventory::Served;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

std::unique_ptr<deploy::Target> open_target(const config::Deployment& target, const Name& owner) {
  const deploy::Kind* const kind = deploy::find_kind(target.type);
  if (kind == nullptr) throw base::Error(base::Fault::config, fmt::format("there is no deploy kind {}", target.type));
  return kind->open(target.options, owner);
}

Detail details(const DeploymentRecord& record, std::string problem = {}) {
  Detail detail{{"target", record.target.text()}, {"version", std::to_string(record.version)}};
  if (!problem.empty()) detail.emplace_back("problem", std::move(problem));
  return detail;
}

void commit(Session& session, Deployable& artifact, DeploymentRecord& record, std::string_view action, Detail detail) {
  const Time now = session.now();
  record.changed = now;
  session.store.transaction([&] {
    session.deployments.put(record);
    session.events.add(action, artifact.subject(), detail, now);
  });
}

void count_failure(Session& session, Deployable& artifact, DeploymentRecord& record, std::string problem) {
  record.attempts += 1;
  record.problem = std::move(problem);
  record.not_before = plan::retry_time(record.attempts, session.now(), artifact.not_after());
}

Outcome outcome(const Deployable& artifact, const DeploymentRecord& record, std::string_view step, Result result,
                std::string text) {
  return {artifact.subject(), record.target.text(), std::string(step), result, std::move(text)};
}

Outcome report(Session& session, Outcome made) {
  const auto kind = made.result == Result::failed   ? Progress::Kind::failed
                    : made.result == Result::warned ? Progress::Kind::warning
                                                    : Progress::Kind::done;
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

std::string run_reload(Session& session, deploy::Target& place) {
  const auto exit = place.reload(session.host.stop);
  if (exit && exit->how == base::Exit::How::cancelled) require_not_stopped(session, "reloading");
  if (!exit || exit->success()) return {};
  return describe(*exit);
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
    if (sight.served == Served::wanted || steady_clock::now() + wait > end) return sight;
    pause(session, wait);
    require_not_stopped(session, "waiting for the new version to be served");
  }
}

DeploymentRecord load(Session& session, Deployable& artifact, const config::Deployment& target) {
  const auto record = session.deployments.find(artifact.kind(), artifact.name(), target.name);
  if (!record)
    throw base::Error(base::Fault::internal,
                      fmt::format("{} was never deployed to {}", artifact.subject(), target.name));
  return *record;
}

}  // namespace

std::optional<Outcome> deploy(Session& session, Deployable& artifact, const config::Deployment& target,
                              std::int64_t number) {
  const std::string hash = config::deployment_hash(target);
  const auto earlier = session.deployments.find(artifact.kind(), artifact.name(), target.name);
  const bool same = earlier && earlier->version == number && earlier->spec_hash == hash;
  DeploymentRecord record = earlier.value_or(DeploymentRecord{});
  record.artifact = artifact.kind();
  record.owner = artifact.name();
  record.target = target.name;
  record.spec_hash = hash;
  record.version = number;
  if (!same) record.attempts = 0;
  session.progress(Progress::Kind::doing, artifact.subject(),
                   fmt::format("deploying version {} to {}", number, target.name));
  bool switched = false;
  try {
    const auto place = open_target(target, artifact.name());
    // After a crash between the switch and its record, what was current before is known from the record alone.
    const bool resumed = same && earlier->state == DeploymentState::staged;
    const auto current = place->current() ? place->current() : record.current;
    if (current && *current != number)
      record.previous = current;
    else if (!same)
      record.previous.reset();
    if (!resumed || record.before == Served::unknown)
      record.before = artifact.look(target, *place, number, record.previous).served;
    record.after = Served::unknown;
    record.reload_problem.clear();
    record.state = DeploymentState::staged;
    commit(session, artifact, record, "deployment.begun", details(record));
    artifact.with(number, [&](const deploy::Artifact& made) { place->stage(made); });
    place->switch_to(number, session.host.stop);
    switched = true;
    record.current = number;
    record.state = DeploymentState::switched;
    commit(session, artifact, record, "deployment.switched", details(record));
    return std::nullopt;
  } catch (const base::Error& error) {
    if (switched || error.fault() == base::Fault::cancelled) throw;
    record.state = DeploymentState::failed;
    count_failure(session, artifact, record, error.text());
    commit(session, artifact, record, "deployment.failed", details(record, record.problem));
    return report(session, outcome(artifact, record, "deploy", Result::failed, record.problem));
  }
}

std::optional<Outcome> verify(Session& session, Deployable& artifact, const config::Deployment& target) {
  DeploymentRecord record = load(session, artifact, target);
  const auto place = open_target(target, artifact.name());
  if (record.state == DeploymentState::switched) record.reload_problem = run_reload(session, *place);

  if (target.verification == config::Verification::none && artifact.kind() == inventory::ArtifactKind::version) {
    if (!record.reload_problem.empty()) {
      record.state = DeploymentState::failed;
      count_failure(session, artifact, record, "the reload failed: " + record.reload_problem);
      commit(session, artifact, record, "deployment.failed", details(record, record.problem));
      return report(session, outcome(artifact, record, "deploy", Result::failed, record.problem));
    }
    record.state = DeploymentState::unverifiable;
    record.attempts = 0;
    record.problem.clear();
    record.not_before.reset();
    commit(session, artifact, record, "deployment.unverifiable", details(record));
    return report(session,
                  outcome(artifact, record, "deploy", Result::done,
                          fmt::format("version {} is in place; there is no listener to verify it at", record.version)));
  }

  milliseconds bound = target.verify_timeout;
  if (!record.reload_problem.empty()) bound = std::min(bound, kAfterFailedReload);
  const Sight sight = look_until_served(session, artifact, target, *place, record.version, record.previous, bound);
  record.after = sight.served;
  if (sight.served == Served::wanted) {
    record.state = DeploymentState::verified;
    record.attempts = 0;
    record.problem.clear();
    record.not_before.reset();
    Detail detail = details(record);
    detail.emplace_back("seen", sight.text);
    if (!record.reload_problem.empty()) detail.emplace_back("warning", "the reload failed: " + record.reload_problem);
    commit(session, artifact, record, "deployment.verified", std::move(detail));
    if (!record.reload_problem.empty())
      return report(session,
                    outcome(artifact, record, "verify", Result::warned,
                            fmt::format("{}, though the reload failed: {}", sight.text, record.reload_problem)));
    return report(session, outcome(artifact, record, "verify", Result::done, sight.text));
  }

  std::string problem = sight.text;
  if (!record.reload_problem.empty()) problem += "; the reload failed: " + record.reload_problem;
  const bool first_look = record.state == DeploymentState::switched;
  const auto against = artifact.against_rollback(record, session.now());
  if (first_look && !against) {
    record.problem = problem;
    commit(session, artifact, record, "deployment.not_served", details(record, problem));
    return std::nullopt;  // the decision that follows is to roll back
  }
  record.state = DeploymentState::unverified;
  count_failure(session, artifact, record, problem);
  Detail detail = details(record, problem);
  if (against) detail.emplace_back("no_rollback", *against);
  commit(session, artifact, record, "deployment.unverified", std::move(detail));
  return report(session, outcome(artifact, record, "verify", Result::failed,
                                 against ? fmt::format("unverified: {}; not rolled back: {}", problem, *against)
                                         : fmt::format("unverified: {}", problem)));
}

std::optional<Outcome> roll_back(Session& session, Deployable& artifact, const config::Deployment& target,
                                 std::int64_t to) {
  DeploymentRecord record = load(session, artifact, target);
  const std::string problem = record.problem;
  std::string after;
  try {
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
    record.state = DeploymentState::unverified;
    count_failure(session, artifact, record, fmt::format("{}; and the way back failed: {}", problem, error.message()));
    commit(session, artifact, record, "deployment.unverified", details(record, record.problem));
    return report(session, outcome(artifact, record, "rollback", Result::failed, record.problem));
  }
  record.state = DeploymentState::failed;
  count_failure(session, artifact, record, problem);
  Detail detail = details(record, problem);
  detail.emplace_back("back_to", std::to_string(to));
  detail.emplace_back("after", after);
  commit(session, artifact, record, "deployment.rolled_back", std::move(detail));
  return report(session, outcome(artifact, record, "rollback", Result::failed,
                                 fmt::format("version {} rolled back: {}; {}", record.version, problem, after)));
}

}  // namespace everseal::reconcile
