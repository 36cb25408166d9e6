// The right to use a state's database: shared by everybody who has it open, exclusive for who makes, migrates, restores
// or rebuilds it. Kernel locks below `locks` of the state directory; what a killed process leaves there means nothing.
#pragma once

#include "base/lock.h"

#include <memory>
#include <string>

namespace everseal::inventory {

inline const base::LockWait kTenSeconds{.at_most = std::chrono::seconds(10), .stop = {}, .waiting = {}};

// Copies are one right. Thread-safe. The right ends with its last copy.
class StoreAccess {
 public:
  // Waits while somebody has the exclusive right or waits for it. Within one process all shared rights to one state are
  // one kernel lock, so that a second one never waits behind who waits for the first to end. Where nothing in `state`
  // can be written nobody can have the exclusive right, and nothing is locked.
  // Error(busy) naming the holder when the time is up, Error(cancelled) when a stop is requested. `wait.waiting` is
  // told who is waited for in words: "process 812 (everseal)".
  static StoreAccess shared(const std::string& state, const base::LockWait& wait = kTenSeconds);
  // Waits until nobody else has any right; who asks for a shared one meanwhile waits behind this. Error(busy) naming
  // those who have one when the time is up, and at once where it is this process itself; Error(cancelled) when a stop
  // is requested. Where both are needed, the reconciler's lock is taken first.
  static StoreAccess exclusive(const std::string& state, const base::LockWait& wait = kTenSeconds);

  const std::string& state() const noexcept { return state_; }
  bool is_exclusive() const noexcept { return exclusive_; }

 private:
  struct Locks;
  StoreAccess(std::string state, std::shared_ptr<const Locks> locks, bool exclusive);

  std::string state_;
  std::shared_ptr<const Locks> locks_;
  bool exclusive_;
};

}  // namespace everseal::inventory
