#include "inventory/store_access.h"

#include "base/error.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace everseal::inventory {

// The order of the members is that of taking them.
struct StoreAccess::Locks {
  std::optional<base::FileLock> entry;  // of an exclusive right
  base::FileLock store;
};

namespace {

using base::Directory;
using base::Error;
using base::Fault;
using base::FileLock;
using base::LockWait;
using base::Sharing;

// Whoever wants the store for himself holds the entry while he waits for the others to leave. The others only pass it.
const std::string kEntry = "store-entry";
const std::string kStore = "store";

std::string who_holds(const Directory& locks, const std::string& name) {
  std::string holders = FileLock::holders(locks, name);
  return holders.empty() ? "another process" : holders;
}

// One wait over several locks.
class Patience {
 public:
  Patience(const Directory& locks, const LockWait& wait) : locks_(locks), wait_(wait) {}

  std::optional<FileLock> acquire(const std::string& name, Sharing sharing) const {
    const auto waited =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun_);
    LockWait rest{.at_most = wait_.at_most, .stop = wait_.stop, .waiting = {}};
    if (rest.at_most) rest.at_most = std::max(std::chrono::milliseconds(0), *rest.at_most - waited);
    if (wait_.waiting)
      rest.waiting = [&](const std::string&, std::chrono::milliseconds so_far) {
        wait_.waiting(who_holds(locks_, name), waited + so_far);
      };
    return FileLock::acquire(locks_, name, sharing, rest);
  }

 private:
  const Directory& locks_;
  const LockWait& wait_;
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

Error being_changed(const std::string& state, const Directory& locks) {
  return Error(Fault::busy,
               fmt::format("{} is being restored, rebuilt or migrated by {}", state, who_holds(locks, kEntry)),
               "wait for it to end, then run the same command again");
}

Error in_use(const std::string& state, const std::string& holders) {
  return Error(Fault::busy, fmt::format("{} is in use by {}", state, holders),
               "stop the agent (`systemctl stop eversealed`) or wait for that command to end, then run this one again");
}

// A lock file, by which the rights of this process are told apart by state. A child of a fork begins with none.
struct Key {
  pid_t process;
  dev_t device;
  ino_t inode;
  auto operator<=>(const Key&) const = default;
};

std::optional<Key> key_of(const Directory& locks) {
  struct stat found {};
  if (::fstatat(locks.descriptor(), kStore.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0) return std::nullopt;
  return Key{::getpid(), found.st_dev, found.st_ino};
}

// The shared rights of this process.
class SharedRights {
 public:
  using Locks = std::shared_ptr<const void>;

  Locks find(const Directory& locks) {
    const auto key = key_of(locks);
    const std::scoped_lock lock(mutex_);
    const auto found = key ? rights_.find(*key) : rights_.end();
    return found == rights_.end() ? nullptr : found->second.lock();
  }
  void add(const Directory& locks, const Locks& right) {
    const auto key = key_of(locks);
    const std::scoped_lock lock(mutex_);
    std::erase_if(rights_, [](const auto& entry) { return entry.second.expired(); });
    if (key) rights_[*key] = right;
  }

 private:
  std::mutex mutex_;
  std::map<Key, std::weak_ptr<const void>> rights_;
};

SharedRights& shared_rights() {
  static SharedRights rights;
  return rights;
}

bool can_write(const Directory& directory) { return ::faccessat(directory.descriptor(), ".", W_OK, AT_EACCESS) == 0; }

// nullopt where nobody can make one.
std::optional<Directory> locks_to_share(const std::string& state) {
  const Directory directory = Directory::open(state);
  auto locks = directory.subdirectory_if_exists("locks");
  if (!locks && can_write(directory)) locks = directory.create_subdirectory("locks", 0700);
  if (locks && !can_write(*locks) && (!locks->has(kEntry) || !locks->has(kStore))) return std::nullopt;
  return locks;
}

}  // namespace

StoreAccess::StoreAccess(std::string state, std::shared_ptr<const Locks> locks, bool exclusive)
    : state_(std::move(state)), locks_(std::move(locks)), exclusive_(exclusive) {}

StoreAccess StoreAccess::shared(const std::string& state, const LockWait& wait) {
  const auto locks = locks_to_share(state);
  if (!locks) return {state, nullptr, false};
  if (auto own = shared_rights().find(*locks)) return {state, std::static_pointer_cast<const Locks>(own), false};
  const Patience patience(*locks, wait);
  if (!patience.acquire(kEntry, Sharing::shared)) throw being_changed(state, *locks);
  auto store = patience.acquire(kStore, Sharing::shared);
  if (!store) throw being_changed(state, *locks);
  auto right = std::make_shared<const Locks>(Locks{std::nullopt, std::move(*store)});
  shared_rights().add(*locks, right);
  return {state, std::move(right), false};
}

StoreAccess StoreAccess::exclusive(const std::string& state, const LockWait& wait) {
  const auto locks = Directory::open(state).create_subdirectory("locks", 0700);
  const Patience patience(locks, wait);
  auto entry = patience.acquire(kEntry, Sharing::exclusive);
  if (!entry) throw being_changed(state, locks);
  if (shared_rights().find(locks)) throw in_use(state, "this process itself");
  auto store = patience.acquire(kStore, Sharing::exclusive);
  if (!store) throw in_use(state, who_holds(locks, kStore));
  return {state, std::make_shared<const Locks>(Locks{std::move(entry), std::move(*store)}), true};
}

}  // namespace everseal::inventory
