#include "archive/archive.h"
#include "authority/upkeep.h"
#include "base/error.h"
#include "inventory/authorities.h"
#include "inventory/clock.h"
#include "inventory/heads.h"
#include "inventory/managed.h"
#include "inventory/retention.h"
#include "plan/authority.h"
#include "reconcile/facts.h"
#include "reconcile/failure.h"
#include "reconcile/lost.h"
#include "reconcile/reconcile.h"
#include "reconcile/remarks.h"
#include "reconcile/subject.h"
#include "reconcile/verbs/backup.h"

#include <algorithm>
#include <functional>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include <fmt/format.h>

namespace everseal::reconcile {
namespace {

// Hands out the names of one kind that are to be looked at, to several workers.
class Names {
 public:
  explicit Names(std::vector<Name> names) : page_(std::move(names)) {}
  // Those that are due at `now`; `store` is used under this object's lock alone.
  Names(inventory::Store& store, std::string_view kind, Time now) : subjects_(store), kind_(kind), now_(now) {
    refill();
  }

  std::optional<Name> next() {
    const std::scoped_lock lock(mutex_);
    if (at_ == page_.size()) refill();
    if (at_ == page_.size()) return std::nullopt;
    return page_[at_++];
  }
  // Of the page at hand.
  std::size_t size() const noexcept { return page_.size(); }

 private:
  void refill() {
    if (!subjects_) return;
    page_.clear();
    at_ = 0;
    for (const inventory::DueSubject& due : subjects_->due(kind_, now_, last_)) {
      page_.push_back(due.name);
      last_ = due;
    }
  }

  std::mutex mutex_;
  std::vector<Name> page_;
  std::size_t at_ = 0;
  std::optional<inventory::Subjects> subjects_;
  std::string_view kind_;
  Time now_{};
  std::optional<inventory::DueSubject> last_;
};

// What `work` throws becomes an outcome of `subject`.
template <class Work>
Verdict isolated(const std::string& subject, Work work) {
  Verdict verdict;
  try {
    as_error([&] { verdict = work(); });
  } catch (const base::Error& error) {
    verdict.outcomes.push_back(failure(subject, {}, "reconcile", error));
  }
  return verdict;
}

Verdict run_kind(Run& run, const SubjectKind& kind, Names& names, Pass pass) {
  const Host& host = run.host;
  const config::Settings& config = run.desired.config();
  Verdict verdict;
  std::mutex mutex;
  Host quiet = host;
  quiet.progress = [&](const Progress& progress) {
    const std::scoped_lock lock(mutex);
    host.progress(progress);
  };
  const auto add = [&](Verdict one) {
    const std::scoped_lock lock(mutex);
    verdict.append(std::move(one));
  };
  const auto work = [&](inventory::Store& store) {
    Session session(quiet, config, store);
    while (!host.stop.stop_requested()) {
      const auto name = names.next();
      if (!name) return;
      add(isolated(inventory::SubjectId{std::string(kind.name), *name}.text(),
                   [&] { return kind.run(session, *name, pass); }));
    }
  };
  const auto isolated_worker = [&](const std::function<void()>& worker) {
    Verdict failed = isolated("store", [&] {
      worker();
      return Verdict();
    });
    if (!failed.outcomes.empty()) add(std::move(failed));
  };
  const std::size_t workers = std::min(static_cast<std::size_t>(std::max(1, config.workers)), names.size());
  if (workers <= 1) {
    isolated_worker([&] { work(run.store); });
  } else {
    const auto with_own_store = [&] {
      inventory::Store store = open_store(quiet, sql::Access::read_write);
      work(store);
    };
    std::vector<std::jthread> threads;
    try {
      for (std::size_t i = 0; i < workers; ++i) threads.emplace_back([&] { isolated_worker(with_own_store); });
    } catch (const std::system_error&) {
      if (threads.empty()) isolated_worker([&] { work(run.store); });  // fewer workers do the same, slower
    }
  }
  std::ranges::stable_sort(verdict.outcomes, {}, &Outcome::subject);
  return verdict;
}

Verdict run_due(Run& run, const SubjectKind& kind) {
  Verdict verdict;
  const auto walk = [&](Pass pass) {
    Names names(run.store, kind.name, run.host.clock());
    if (names.size() > 0) verdict.append(run_kind(run, kind, names, pass));
  };
  if (kind.has_first_pass) walk(Pass::first);
  walk(Pass::whole);
  return verdict;
}

bool has_failure(const Verdict& verdict, const std::string& subject) {
  return std::ranges::any_of(verdict.outcomes, [&](const Outcome& outcome) {
    return outcome.subject == subject && outcome.step == plan::SignCrl::kind && is_failure(outcome.result);
  });
}

std::vector<const SubjectKind*> kinds_in_order() {
  std::vector<const SubjectKind*> kinds(subject_kinds().begin(), subject_kinds().end());
  std::ranges::sort(kinds, {}, &SubjectKind::order);
  return kinds;
}

// What a clock that is not trusted keeps from being done is the decisions' to say: the rest goes on.
inventory::ClockVerdict keep_clock(const Host& host, inventory::Store& store) {
  const Time now = host.clock();
  const base::MachineClock machine = host.machine();
  inventory::ClockVerdict verdict = inventory::judge_clock(store, now, host.build_date, machine);
  inventory::keep_clock(store, verdict, now, machine);
  return verdict;
}

// What was never published cannot be lost, and the config need not be read for it.
bool publishes_anything(inventory::Store& store) {
  inventory::Deployments deployments(store);
  return std::ranges::any_of(inventory::Authorities(store).all(), [&](const inventory::AuthorityRecord& one) {
    return !deployments.of(inventory::ArtifactKind::crl, one.name).empty();
  });
}

}  // namespace

void tell_heads(const Host& host, inventory::Store& store) { inventory::tell_heads(store, host.clock(), host.journal); }

Run::Run(const Host& host_)
    : host(host_),
      lock(lock_reconciler(host_)),
      store(open_store(host_, sql::Access::read_write)),
      clock(keep_clock(host_, store)),
      desired(host_, store) {}

Verdict reconcile_certificates(Run& run, const std::vector<Name>& names) {
  Names given(names);
  Verdict verdict{outcomes_of(problems_for(run.desired.problems(), names))};
  verdict.append(run_kind(run, subject_kind("certificate"), given, Pass::whole));
  verdict.append(run_due(run, subject_kind("authority")));
  tell_heads(run.host, run.store);
  return verdict;
}

Verdict reconcile_authority(Run& run, const Name& name) {
  Names given({name});
  Verdict verdict = run_kind(run, subject_kind("authority"), given, Pass::whole);
  tell_heads(run.host, run.store);
  return verdict;
}

Verdict reconcile_due(Run& run) {
  Verdict verdict{outcomes_of(run.desired.problems())};
  // What keeps everything from being renewed is told before anything is due.
  try {
    archive::Archive{run.host.state};
  } catch (const base::Error& error) {
    verdict.outcomes.push_back(failure("store", {}, "archive", error));
  }
  wake_what_was_lost(run.host, run.store);
  if (publishes_anything(run.store)) {
    Session session = run.session();
    for (const Name& name : authorities_with_losses(session))
      session.subjects.wake(inventory::authority_subject(name), session.now());
  }
  if (!run.clock.trusted)
    verdict.outcomes.push_back(failure("store", {}, "clock", inventory::untrusted_clock(run.clock)));
  for (const SubjectKind* const kind : kinds_in_order()) verdict.append(run_due(run, *kind));
  // Not only when the next CRL is due.
  for (const inventory::AuthorityRecord& one : inventory::Authorities(run.store).all())
    if (const std::string missing = authority::missing_to_sign(run.store, one.name);
        !missing.empty() && !has_failure(verdict, authority_subject(one.name)))
      verdict.outcomes.push_back(failure(authority_subject(one.name), {}, std::string(plan::SignCrl::kind),
                                         base::Error(base::Fault::not_found, missing)));
  verdict.standing_failures =
      static_cast<int>(inventory::Attempts(run.store).count() + inventory::Deployments(run.store).count_failed());
  verdict.remarks = standing_remarks(run.host, run.store, verdict.outcomes);
  verdict.look_again = inventory::Subjects(run.store).next_due();
  // A CA may have shown meanwhile that the clock is wrong.
  const inventory::ClockVerdict clock = keep_clock(run.host, run.store);
  if (run.clock.trusted && !clock.trusted)
    verdict.outcomes.push_back(failure("store", {}, "clock", inventory::untrusted_clock(clock)));
  if (clock.trusted) inventory::prune(run.store, run.host.clock());
  tell_heads(run.host, run.store);
  if (!verdict.outcomes.empty()) keep_daily_copy(run.host, run.store);
  return verdict;
}

}  // namespace everseal::reconcile
