#include "reconcile/access.h"

#include "base/error.h"
#include "inventory/state_directory.h"

#include <utility>

#include <fmt/format.h>

namespace everseal::reconcile {
namespace {

using std::chrono::milliseconds;

const std::string kLease = "reconciler";

void tell(const Host& host, const std::string& subject, const std::string& holder, milliseconds waited) {
  host.progress(
      {Progress::Kind::waiting, subject,
       fmt::format("waiting for {} ({} s)", holder, std::chrono::duration_cast<std::chrono::seconds>(waited).count())});
}

std::string who_holds(const base::Directory& locks, const std::string& name) {
  std::string holders = base::FileLock::holders(locks, name);
  return holders.empty() ? "another process" : holders;
}

base::Directory locks_of(const Host& host) { return base::Directory::create(host.state + "/locks", 0700); }

// Who holds `name` of `locks`, told in words while it is waited for.
base::LockWait patience(const Host& host, const base::Directory& locks, const std::string& name,
                        std::optional<milliseconds> at_most, const std::string& subject) {
  return {at_most, host.stop, [&host, &locks, name, subject](const std::string&, milliseconds waited) {
            tell(host, subject, who_holds(locks, name), waited);
          }};
}

}  // namespace

base::LockWait store_wait(const Host& host) {
  return {host.wait ? *host.wait : *inventory::kTenSeconds.at_most, host.stop,
          [&host](const std::string& holder, milliseconds waited) { tell(host, "store", holder, waited); }};
}

inventory::Store open_store(const Host& host, sql::Access access) {
  return inventory::Store::open(host.state, access, host.clock(), store_wait(host));
}

inventory::Store create_store(const Host& host) {
  return inventory::Store::create(host.state, host.clock(), store_wait(host));
}

base::FileLock lock_reconciler(const Host& host) {
  inventory::require_state_directory(host.state);
  const base::Directory locks = locks_of(host);
  auto lock = base::FileLock::acquire(locks, kLease, base::Sharing::exclusive,
                                      patience(host, locks, kLease, host.wait.value_or(milliseconds(0)), "store"));
  if (lock) return std::move(*lock);
  throw base::Error(base::Fault::busy,
                    fmt::format("another run works on {} ({})", host.state, who_holds(locks, kLease)),
                    "run the same command again when it has ended, or wait for it with --wait 5m");
}

base::FileLock lock_subject(const Host& host, const inventory::SubjectId& subject) {
  const base::Directory locks = locks_of(host);
  const std::string name = fmt::format("{}-{}", subject.kind, subject.name);
  return std::move(*base::FileLock::acquire(locks, name, base::Sharing::exclusive,
                                            patience(host, locks, name, std::nullopt, subject.text())));
}

}  // namespace everseal::reconcile
