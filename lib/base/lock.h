// Locks that the kernel releases when their holder ends, so that none is ever stale.
#pragma once

#include "base/file.h"

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

namespace everseal::base {

enum class Sharing { exclusive, shared };

// How long a lock is worth waiting for, and what happens meanwhile.
struct LockWait {
  std::optional<std::chrono::milliseconds> at_most;  // absent: without bound; 0: not at all
  std::stop_token stop;
  // Called when the wait begins and about once a second: a sign of life. `holder` is FileLock::holder.
  std::function<void(const std::string& holder, std::chrono::milliseconds waited)> waiting;
};

// A flock(2) on the regular file DIRECTORY/NAME, which is made; held until the object ends. Also excludes threads of
// the same process. A shared one on a file that is there needs no right to write. Throws Error(invalid) where something
// else than a regular file has that name, Error(io) otherwise.
class FileLock {
 public:
  // nullopt: somebody else holds it.
  static std::optional<FileLock> try_acquire(const Directory& directory, const std::string& name,
                                             Sharing sharing = Sharing::exclusive);
  // Waits, for as long as it takes: for what is held for milliseconds.
  static FileLock acquire(const Directory& directory, const std::string& name);
  // nullopt: the time was up. Error(cancelled) where `wait.stop` was requested.
  static std::optional<FileLock> acquire(const Directory& directory, const std::string& name, Sharing sharing,
                                         const LockWait& wait);

  // What the last exclusive holder wrote about itself ("PID"), for messages; "" where unknown.
  static std::string holder(const Directory& directory, const std::string& name);

  // Who holds it now, as far as the kernel tells: "process 812 (everseal)", "processes 7 (a), 9 (b), 12 (c) and 3
  // more";
  // "" where it tells nothing.
  static std::string holders(const Directory& directory, const std::string& name);

  FileLock(FileLock&&) noexcept = default;
  FileLock& operator=(FileLock&& other) noexcept;
  ~FileLock();

 private:
  explicit FileLock(FileDescriptor fd) : fd_(std::move(fd)) {}
  static std::optional<FileLock> take(const Directory& directory, const std::string& name, Sharing sharing, int flags);
  FileDescriptor fd_;
};

}  // namespace everseal::base
