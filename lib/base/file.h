// Files that survive a power cut. Every change goes through FileSystem, so that a test can count, fail and cut them;
// every path below a directory is reached through its descriptor, and no symlink is followed on the way.
#pragma once

#include "base/encoding.h"
#include "base/handle.h"
#include "base/secret.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

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
  virtual void symlink(const std::string& target, int directory, const std::string& name);
  virtual void make_directory(int directory, const std::string& name, mode_t mode);
  virtual void remove(int directory, const std::string& name, int flags);  // unlinkat
};

// The one in use: the kernel's, unless a test has put another in its place.
FileSystem& file_system() noexcept;
// For tests; nullptr restores the kernel's. Not while other threads use files.
void replace_file_system(FileSystem* other) noexcept;

struct Ownership {
  std::optional<uid_t> user;  // absent: as created
  std::optional<gid_t> group;
  mode_t mode = 0600;
};
// "user", "user:group", ":group", names or numbers. Throws Error(config) where the system knows no such name.
Ownership parse_ownership(std::string_view owner, mode_t mode);

struct NewFile {
  std::string name;
  BytesView bytes;
  Ownership ownership = {};
};

// Throws Error(invalid) for what is not one component of a path: "a/b", "", "." and "..".
void require_component(const std::string& name);

// An open directory. Names are single components (see require_component).
// Calls throw Error(io), Error(not_found) where the named thing is missing and the call needs it, and Error(exists)
// where it is in the way.
// One object is used by one thread at a time.
class Directory {
 public:
  static Directory open(const std::string& path);                 // must exist
  static Directory create(const std::string& path, mode_t mode);  // with its parents; each new one is durable
  static std::optional<Directory> open_if_exists(const std::string& path);

  Directory subdirectory(const std::string& name) const;
  std::optional<Directory> subdirectory_if_exists(const std::string& name) const;
  // Durable on return, with exactly this mode; an existing one is opened as it is.
  Directory create_subdirectory(const std::string& name, mode_t mode) const;

  const std::string& path() const noexcept { return path_; }
  int descriptor() const noexcept { return fd_.get(); }

  // Regular files only, at most `limit` octets (Error(invalid) beyond); nullopt where absent.
  std::optional<Bytes> read(const std::string& name, std::size_t limit) const;
  std::optional<Secret> read_secret(const std::string& name, std::size_t limit) const;
  bool has(const std::string& name) const;                              // of any type, not followed
  std::vector<std::string> list() const;                                // sorted, without "." and ".."
  std::optional<std::string> read_link(const std::string& name) const;  // nullopt: absent or no symlink

  // Durable on return but for the directory entry: call sync() after the last one.
  void write_new(const std::string& name, BytesView bytes, const Ownership& ownership = {}) const;
  // Durable on return, with their directory entries; none of them is left where one fails.
  void write_new(std::span<const NewFile> files) const;
  // Durable on return: a temporary file, fsync, rename over `name`, fsync of the directory.
  void replace(const std::string& name, BytesView bytes, const Ownership& ownership = {}) const;
  // Durable on return: a temporary symlink renamed over `name`.
  void switch_link(const std::string& name, const std::string& target) const;
  // Durable on return.
  void rename(const std::string& from, const std::string& to) const;
  void remove(const std::string& name) const;       // a file or symlink; absent is fine
  void remove_tree(const std::string& name) const;  // whatever it is; absent is fine; symlinks are not followed
  void sync() const;

 private:
  Directory(FileDescriptor fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  FileDescriptor fd_;
  std::string path_;
};

// Reads a file that an operator named: symlinks are followed, "-" is stdin. Error(not_found/io/invalid).
Bytes read_file(const std::string& path, std::size_t limit);
// Reads a file that somebody else has put there: symlinks are followed, but only to a regular file, so that nothing is
// waited for. Error(not_found/io/invalid).
Secret read_regular_file(const std::string& path, std::size_t limit);
// Writes a file that an operator named, atomically and durable, 0600 where `ownership` does not say otherwise. A
// symlink there is replaced, not followed; devices and pipes are written to.
void write_file(const std::string& path, BytesView bytes, const Ownership& ownership = {});

// Reads a `..._file` option: "credential:NAME" below $CREDENTIALS_DIRECTORY, or a path that nobody but its owner (root
// or the caller) can read or write. One trailing line end is dropped. Error(config) with the rule that it breaks.
Secret read_secret_file(const std::string& option);

// Throws Error(config) where `path` (followed) or a directory above it could be changed by anyone but root and the
// caller. Files that run code or steer a privileged process pass this first.
void require_trusted(const std::string& path);

// True where the directory's file system is one that several machines mount (NFS, SMB, AFS, Ceph, 9p, FUSE).
bool is_network_file_system(const std::string& directory);

}  // namespace everseal::base
