// The seam to the kernel's file system. Every change goes through it, so that a test can count, fail and cut them.
#pragma once

#include "base/encoding.h"
#include "base/handle.h"

#include <string>

#include <sys/types.h>

namespace everseal::base {

// The system calls that change a file system, and nothing else. Each throws Error(io), or Error(not_found) or
// Error(exists) where the kernel says ENOENT or EEXIST. Thread-safe.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  // openat with O_CLOEXEC | O_NOFOLLOW added.
  virtual FileDescriptor open(int directory, const std::string& name, int flags, mode_t mode);
  virtual void write(int file, BytesView bytes);
  // Begins what sync() of a file waits for, so that the disk has several to do at once. Promises nothing.
  virtual void begin_sync(int file) noexcept;
  virtual void sync(int file_or_directory);
  virtual void change_mode(int file, mode_t mode);
  virtual void change_owner(int file, uid_t user, gid_t group);
  virtual void rename(int from_directory, const std::string& from, int to_directory, const std::string& to);
  // Swaps what two names stand for. Error(invalid) where the file system cannot.
  virtual void exchange(int directory, const std::string& name, int other_directory, const std::string& other);
  virtual void symlink(const std::string& target, int directory, const std::string& name);
  virtual void make_directory(int directory, const std::string& name, mode_t mode);
  virtual void remove(int directory, const std::string& name, int flags);  // unlinkat
};

// The one in use: the kernel's, unless a test has put another in its place.
FileSystem& file_system() noexcept;
// For tests; nullptr restores the kernel's. Not while other threads use files.
void replace_file_system(FileSystem* other) noexcept;

// True where the directory's file system is one that several machines mount (NFS, SMB, AFS, Ceph, 9p, FUSE).
bool is_network_file_system(const std::string& directory);

}  // namespace everseal::base
