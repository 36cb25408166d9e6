#include "reconcile/recover.h"

#include "base/error.h"
#include "inventory/managed.h"
#include "inventory/merge.h"
#include "inventory/state_directory.h"
#include "inventory/subjects.h"
#include "reconcile/desired.h"
#include "reconcile/reconcile.h"
#include "reconcile/take_in.h"

#include <fmt/format.h>

namespace everseal::reconcile {
namespace {

constexpr int kMostForgotten = 10'000;

// `remove` said so, here or in the database that is replaced.
bool was_removed(Session& session, inventory::Store* present, const Name& name) {
  if (session.managed.find(name)) return false;
  if (was_removed(session, name)) return true;
  if (present == nullptr) return false;
  try {
    return inventory::newest_action(present->database(), subject_of(name)) == kRemoved;
  } catch (const base::Error&) {
    return false;  // what cannot be read is reported by the merge
  }
}

inventory::TakeIn taking_files(const Host& host, std::string_view step, Verdict& verdict) {
  return [&host, step, &verdict](const inventory::Incoming& incoming) {
    const config::Config none;
    Session session(host, none, incoming.store);
    verdict.outcomes = take_in_files(session, step, Leads::files,
                                     [&](const Name& name) { return was_removed(session, incoming.present, name); });
  };
}

void tell_lost(const Host& host, std::string_view step, const inventory::Replacement& replacement, Verdict& verdict) {
  for (const Name& authority : replacement.lost)
    verdict.outcomes.push_back(
        failure(authority_subject(authority), {}, std::string(step), revocations_lost(host.state, authority)));
  if (replacement.whole) return;
  verdict.outcomes.push_back({.subject = "store",
                              .target = {},
                              .step = std::string(step),
                              .result = Result::warned,
                              .text = "what was asked for and not begun may be lost with the database: a revocation, a "
                                      "removal, a forced renewal, an issue of once",
                              .facts = {.hint = "`everseal plan` shows what is known; ask again for what is not"}});
}

// What failed because of the database that was damaged is tried by the next run, as if it had not.
void forget_damage(const Host& host) {
  inventory::Store store = open_store(host, sql::Access::read_write);
  store.transaction([&] {
    inventory::Attempts attempts(store);
    for (const inventory::AttemptRecord& attempt : attempts.waiting(kMostForgotten)) {
      if (attempt.fault != to_string(base::Fault::corrupt)) continue;
      attempts.clear(attempt.step, attempt.subject, attempt.target);
      if (const auto name = certificate_in(attempt.subject))
        inventory::Subjects(store).wake(inventory::certificate_subject(*name), host.clock());
    }
  });
}

// What the config keeps alive of what came back is known at once, and not with the next run.
void read_config(const Host& host, std::string_view step, Verdict& verdict) {
  try {
    inventory::Store store = open_store(host, sql::Access::read_write);
    const Desired desired(host, store);
  } catch (const base::Error& error) {
    verdict.outcomes.push_back({.subject = "config",
                                .target = {},
                                .step = std::string(step),
                                .result = Result::warned,
                                .text = fmt::format("what it keeps alive is not known yet: {}", error.message()),
                                .facts = {.fault = error.fault(), .hint = error.hint()}});
  }
}

}  // namespace

Restored restore(const Host& host, const std::string& file, inventory::OtherState other) {
  const auto lock = lock_reconciler(host);
  host.keys->drop_all();
  Restored restored;
  restored.replacement = inventory::restore(host.state, file, host.clock(),
                                            taking_files(host, "restore", restored.verdict), store_wait(host), other);
  if (restored.replacement.is_other_state)
    restored.verdict.outcomes.push_back(
        {.subject = "store",
         .target = {},
         .step = "restore",
         .result = Result::warned,
         .text = "it was a backup of another state: what that one knew is known here now, its authorities too",
         .facts = {.hint = fmt::format("while nothing else was done, `mv {} {}` undoes it, and then `everseal doctor "
                                       "--mend`, which puts right what the archive was given",
                                       restored.replacement.replaced, inventory::database_file(host.state))}});
  tell_lost(host, "restore", restored.replacement, restored.verdict);
  forget_damage(host);
  read_config(host, "restore", restored.verdict);
  return restored;
}

Verdict rebuild(const Host& host) {
  const auto lock = lock_reconciler(host);
  host.keys->drop_all();
  Verdict verdict;
  const inventory::Replacement replacement =
      inventory::rebuild(host.state, host.clock(), taking_files(host, "rebuild", verdict), store_wait(host));
  const auto say = [&](Result result, std::string text) {
    verdict.outcomes.push_back(
        {.subject = "store", .target = {}, .step = "rebuild", .result = result, .text = std::move(text)});
  };
  for (const std::string& problem : replacement.problems) verdict.remarks.push_back({"not_read", "store", problem, {}});
  if (replacement.forgotten)
    say(Result::warned, fmt::format("the history that ended with {} does not go on", replacement.forgotten->text()));
  say(Result::done, replacement.replaced.empty()
                        ? "there is a database again"
                        : fmt::format("the database that was there is kept as {}", replacement.replaced));
  if (!replacement.replaced.empty()) verdict.outcomes.back().facts.files = {replacement.replaced};
  tell_lost(host, "rebuild", replacement, verdict);
  forget_damage(host);
  read_config(host, "rebuild", verdict);
  return verdict;
}

Verdict mend(const Host& host) {
  const auto lock = lock_reconciler(host);
  inventory::Store store = open_store(host, sql::Access::read_write);
  const config::Config none;
  Session session(host, none, store);
  session.archive.sweep();
  Verdict verdict;
  verdict.outcomes = take_in_files(session, "mend", Leads::database,
                                   [&](const Name& name) { return reconcile::was_removed(session, name); });
  inventory::Replacement learnt;
  store.transaction([&] {
    inventory::learn_issued(store, learnt);
    inventory::mark_revoked(store);
  });
  if (learnt.serials > 0)
    verdict.outcomes.push_back(
        {.subject = "store",
         .target = {},
         .step = "mend",
         .result = Result::done,
         .text = fmt::format("{} certificate(s) are known again to be signed here", learnt.serials)});
  return verdict;
}

}  // namespace everseal::reconcile
