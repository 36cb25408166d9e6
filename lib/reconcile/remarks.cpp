#include "reconcile/remarks.h"

#include "base/text.h"
#include "config/config.h"
#include "inventory/managed.h"
#include "plan/certificate.h"
#include "reconcile/orphan.h"
#include "reconcile/session.h"

#include <algorithm>
#include <ranges>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace everseal::reconcile {
namespace {

constexpr int kMostRemarks = 10;

// What tries it again, and what withdraws the wish behind it. `target`: of the step.
std::string what_to_do(inventory::Store& store, const std::string& subject, std::string_view step,
                       std::string_view target) {
  const auto name = certificate_in(subject);
  if (!name) return "`everseal plan` shows it; `everseal renew --all` tries it again";
  const std::string again = fmt::format("`everseal plan {0}` shows it; `everseal renew {0}` tries it again", *name);
  if (step != plan::Revoke::kind) return again;
  std::string_view verb;
  for (const inventory::IntentRecord& intent : inventory::Intents(store).open_for(*name)) {
    const bool is_asked_for =
        intent.kind == inventory::IntentKind::revoke && intent.version && std::to_string(*intent.version) == target;
    // Who asks for it by itself is served before the removal.
    if (is_asked_for || (intent.kind == inventory::IntentKind::remove && intent.revoke && verb.empty()))
      verb = to_string(intent.kind);
  }
  return verb.empty() ? again : fmt::format("{}; `everseal {} {} --cancel` withdraws it", again, verb, *name);
}

Remark waits(const std::string& subject, std::string_view what, int count, const std::string& problem,
             const std::optional<Time>& until, std::string hint) {
  return {"backing_off", subject,
          fmt::format("{} {}, after {} failure{}: {}", what,
                      until ? fmt::format("waits until {}", base::format_time(*until)) : "is tried by the next run",
                      count, count == 1 ? "" : "s in a row", problem),
          std::move(hint)};
}

Remark more(std::int64_t count, std::string_view what) {
  return {"more", "store", fmt::format("{} more {}", count, what), "`everseal list` shows all"};
}

std::set<std::string> directories_of(inventory::Store& store, const Name& name) {
  std::set<std::string> directories;
  for (const auto& record : inventory::Deployments(store).of(inventory::ArtifactKind::version, name))
    if (std::string directory = config::directory_in_form(record.spec); !directory.empty())
      directories.insert(std::move(directory));
  return directories;
}

// Where the new name is deployed to the same directories, the files there are its own, and the keys of the old one are
// hidden beside them.
std::string how_to_rename(inventory::Store& store, const Name& former, const Name& name) {
  const std::set<std::string> directories = directories_of(store, former);
  const std::string plain = fmt::format("if {} is its new name: `everseal remove {}", name, former);
  if (directories.empty()) return plain + "` forgets the old one";
  const std::string where = base::printable(fmt::format("{}", fmt::join(directories, ", ")));
  if (std::ranges::includes(directories_of(store, name), directories))
    return fmt::format(
        "{} --delete-keys` forgets the old one, with its keys in the archive and those hidden in {}; "
        "what {} has there stays",
        plain, where, name);
  return fmt::format(
      "{} --delete-keys` forgets the old one and takes its files and keys in {} away, once no server "
      "reads them there; without --delete-keys they stay",
      plain, where);
}

Remark remark_of(inventory::Store& store, const inventory::ManagedRecord& managed, const Orphan& how) {
  const std::string subject = subject_of(managed.name);
  const auto other = inventory::Managed(store).same_names(managed);
  if (how.file || how.is_wrong || !other) return {"orphaned", subject, how.what + ", so nothing renews it", how.remedy};
  return {"renamed", subject, fmt::format("{}; {} has the same names", how.what, *other),
          how_to_rename(store, managed.name, *other)};
}

void add_orphans(const Host& host, inventory::Store& store, std::vector<Remark>& remarks) {
  inventory::Managed managed(store);
  const auto orphans = managed.orphans(kMostRemarks);
  const Untaken untaken = orphans.empty() ? Untaken{} : look_at_config(host, store);
  std::set<std::string> told;
  for (const inventory::ManagedRecord& orphan : orphans) {
    if (inventory::Intents(store).open_removal(orphan.name)) continue;
    const Orphan how = orphan_of(host, store, orphan, untaken);
    remarks.push_back(remark_of(store, orphan, how));
    if (how.file) told.insert(*how.file);
  }
  base::Problems others = config::not_read(host.files, host.state);
  std::erase_if(others, [&](const base::Problem& one) { return told.contains(one.origin.file); });
  for (const base::Problem& one : others | std::views::take(kMostRemarks))
    remarks.push_back({"not_read", "config", base::printable(without_hint(one)), one.hint});
  if (const auto rest = std::ssize(others) - kMostRemarks; rest > 0)
    remarks.push_back({"more", "config", fmt::format("{} more file(s) of the state are not read", rest),
                       "`everseal config check` shows all"});
  if (std::ssize(orphans) < kMostRemarks) return;
  if (const auto rest = managed.count_orphans() - kMostRemarks; rest > 0)
    remarks.push_back(more(rest, rest == 1 ? "is no longer in the config" : "are no longer in the config"));
}

void add_failures(inventory::Store& store, const std::vector<Outcome>& told, std::vector<Remark>& remarks) {
  inventory::Attempts attempts(store);
  inventory::Deployments deployments(store);
  std::int64_t rest = attempts.count() + deployments.count_failed();
  const auto is_told = [&](const std::string& subject) {
    return std::ranges::any_of(
        told, [&](const Outcome& outcome) { return outcome.subject == subject && is_failure(outcome.result); });
  };
  const inventory::AttemptRecord* before = nullptr;
  const auto for_operator = attempts.for_operator(kMostRemarks);
  for (const inventory::AttemptRecord& attempt : for_operator) {
    --rest;
    // One cause stops every version of a certificate.
    const bool is_known = before != nullptr && before->subject == attempt.subject && before->problem == attempt.problem;
    before = &attempt;
    if (is_known || is_told(attempt.subject)) continue;
    remarks.push_back({"needs_operator", attempt.subject,
                       fmt::format("{} waits for you: {}", describe(attempt), attempt.problem),
                       what_to_do(store, attempt.subject, attempt.step, attempt.target)});
  }
  for (const inventory::AttemptRecord& attempt : attempts.waiting(kMostRemarks)) {
    --rest;
    if (is_told(attempt.subject)) continue;
    remarks.push_back(waits(attempt.subject, describe(attempt), attempt.count, attempt.problem, attempt.not_before,
                            what_to_do(store, attempt.subject, attempt.step, attempt.target)));
  }
  for (const inventory::DeploymentRecord& deployment : deployments.failed(kMostRemarks)) {
    --rest;
    const std::string subject = deployment.artifact == inventory::ArtifactKind::version
                                    ? subject_of(deployment.owner)
                                    : authority_subject(deployment.owner);
    if (is_told(subject)) continue;
    const std::string_view step =
        deployment.state == inventory::DeploymentState::failed ? std::string_view("deploy") : plan::Verify::kind;
    remarks.push_back(waits(subject, fmt::format("{} at {}", step, deployment.target), deployment.attempts,
                            deployment.problem, deployment.not_before,
                            what_to_do(store, subject, step, deployment.target.text())));
  }
  if (rest > 0) remarks.push_back(more(rest, rest == 1 ? "failure stands" : "failures stand"));
}

}  // namespace

Remark orphan_remark(const Host& host, inventory::Store& store, const inventory::ManagedRecord& managed) {
  return remark_of(store, managed, orphan_of(host, store, managed, look_at_config(host, store)));
}

std::vector<Remark> standing_remarks(const Host& host, inventory::Store& store, const std::vector<Outcome>& told) {
  std::vector<Remark> remarks;
  add_orphans(host, store, remarks);
  add_failures(store, told, remarks);
  return remarks;
}

}  // namespace everseal::reconcile
