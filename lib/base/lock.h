// Locks that the kernel releases when their holder ends, so that none is ever stale.
#pragma once

#include "base/file.h"

#include <optional>
#include <string>

namespace everseal::base {

// An exclusive flock(2) on DIRECTORY/NAME; held until the object ends. Also excludes threads of the same process.
class FileLock {
 public:
  // nullopt: somebody else holds it.
  static std::optional<FileLock> try_acquire(const Directory& directory, const std::string& name);
  static FileLock acquire(const Directory& directory, const std::string& name);  // waits

  // What the last holder wrote about itself ("PID"), for messages; "" where unknown.
  static std::string holder(const Directory& directory, const std::string& name);

  FileLock(FileLock&&) noexcept = default;
  FileLock& operator=(FileLock&& other) noexcept;
  ~FileLock();

 private:
  explicit FileLock(FileDescriptor fd) : fd_(std::move(fd)) {}
  FileDescriptor fd_;
};

}  // namespace everseal::base
