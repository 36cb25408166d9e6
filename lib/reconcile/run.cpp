#include "base/error.h"
#include "inventory/clock.h"
#include "inventory/state_directory.h"
#include "reconcile/reconcile.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <mutex>
#include <thread>

#include <fmt/format.h>

namespace everseal::reconcile {

base::FileLock lock_reconciler(const Host& host) {
  inventory::require_state_directory(host.state);
  const auto locks = base::Directory::create(host.state + "/locks", 0700);
  auto lock = base::FileLock::try_acquire(locks, "reconciler");
  if (!lock)
    throw base::Error(
        base::Fault::busy,
        fmt::format("another run works on {} (process {})", host.state, base::FileLock::holder(locks, "reconciler")),
        "wait for it to end, then run the same command again");
  return std::move(*lock);
}

Verdict reconcile_certificates(Run& run, const std::vector<Name>& names) {
  const Host& host = run.host;
  const config::Config& config = run.desired.config();
  Verdict verdict;
  std::mutex mutex;
  std::atomic<std::size_t> next = 0;
  Host quiet = host;
  quiet.progress = [&](const Progress& progress) {
    const std::scoped_lock lock(mutex);
    host.progress(progress);
  };
  const auto work = [&](inventory::Store& store) {
    Session session(quiet, config, store);
    for (std::size_t i = next++; i < names.size() && !host.stop.stop_requested(); i = next++) {
      Verdict one = reconcile_certificate(session, names[i]);
      const std::scoped_lock lock(mutex);
      verdict.append(std::move(one));
    }
  };
  const auto isolated = [&](const std::function<void()>& worker) {
    try {
      worker();
    } catch (const base::Error& error) {
      const std::scoped_lock lock(mutex);
      verdict.outcomes.push_back({"store", {}, "reconcile", Result::failed, error.text()});
    }
  };
  const std::size_t workers = std::min(static_cast<std::size_t>(std::max(1, config.workers)), names.size());
  if (workers <= 1) {
    isolated([&] { work(run.store); });
  } else {
    const auto with_own_store = [&] {
      inventory::Store store = inventory::Store::open(host.state, sql::Access::read_write, host.clock());
      work(store);
    };
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < workers; ++i) threads.emplace_back([&] { isolated(with_own_store); });
  }
  std::ranges::stable_sort(verdict.outcomes, {}, &Outcome::subject);
  return verdict;
}

namespace {

inventory::Store open_store(const Host& host) {
  inventory::Store store = inventory::Store::open(host.state, sql::Access::read_write, host.clock());
  inventory::require_trusted_clock(store, host.clock(), host.build_date);
  return store;
}

}  // namespace

Run::Run(const Host& host_)
    : host(host_), lock(lock_reconciler(host_)), store(open_store(host_)), desired(host_, store) {}

Verdict reconcile_authorities(Run& run) {
  Verdict verdict;
  const auto due = inventory::Subjects(run.store).due("authority", run.host.clock());
  if (due.empty()) return verdict;
  Session session = run.session();
  for (const inventory::DueSubject& one : due) verdict.append(reconcile_authority(session, one.name));
  return verdict;
}

Verdict reconcile_due(Run& run) {
  const Host& host = run.host;
  inventory::Store& store = run.store;
  Verdict verdict;
  const Time now = host.clock();
  inventory::Subjects subjects(store);
  std::optional<inventory::DueSubject> last;
  for (auto page = subjects.due("certificate", now, last); !page.empty();
       page = subjects.due("certificate", now, last)) {
    last = page.back();
    std::vector<Name> names;
    for (const inventory::DueSubject& due : page) names.push_back(due.name);
    verdict.append(reconcile_certificates(run, names));
  }
  // After the certificates: what they revoked belongs into the CRL.
  verdict.append(reconcile_authorities(run));
  verdict.standing_failures =
      static_cast<int>(inventory::Attempts(store).count() + inventory::Deployments(store).count_failed());
  verdict.look_again = inventory::Subjects(store).next_due();
  return verdict;
}

}  // namespace everseal::reconcile
