// Directories whose changes survive a power cut. Every path below one is reached through its descriptor, and no symlink
// is followed on the way.
#pragma once

#include "base/encoding.h"
#include "base/file_system.h"
#include "base/handle.h"
#include "base/ownership.h"
#include "base/secret.h"

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace everseal::base {

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
  // One that is open for reading already; `path` is for messages.
  static Directory adopt(FileDescriptor fd, std::string path) { return {std::move(fd), std::move(path)}; }

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
  bool has_directory(const std::string& name) const;                    // not followed
  std::vector<std::string> list() const;                                // sorted, without "." and ".."
  std::optional<std::string> read_link(const std::string& name) const;  // nullopt: absent or no symlink

  // Durable on return but for the directory entry: call sync() after the last one.
  void write_new(const std::string& name, BytesView bytes, const Ownership& ownership = {}) const;
  // Durable on return, with their directory entries; none of them is left where one fails.
  void write_new(std::span<const NewFile> files) const;
  // Durable on return: a temporary file, fsync, rename over `name`, fsync of the directory.
  void replace(const std::string& name, BytesView bytes, const Ownership& ownership = {}) const;
  // Durable on return, read from `source` to its end: for what is too large to be held in memory. A temporary file is
  // renamed to `name`; Error(exists) where that is taken.
  void copy_new(const std::string& name, int source, const Ownership& ownership = {}) const;
  // Durable on return: a temporary symlink renamed over `name`.
  void switch_link(const std::string& name, const std::string& target) const;
  // Removes what killed processes left of replace(), copy_new() and switch_link(), ".NAME.<24 hex digits>", as far as
  // `may_go` agrees to each. What a process still writes is locked, and stays.
  void sweep_temporaries(const std::function<bool(const std::string& name)>& may_go = {}) const;
  // Durable on return.
  void rename(const std::string& from, const std::string& to) const;
  // Durable on return: to ".NAME.aside", numbered where that is taken, which is hidden and in nobody's way. Gives its
  // path now.
  std::string move_aside(const std::string& name) const;
  // Durable on return: what `name` and `other_name` in `other` are called is swapped, in one step; both must exist.
  // Error(invalid) where the file system cannot, as NFS.
  void exchange(const std::string& name, const Directory& other, const std::string& other_name) const;
  void remove(const std::string& name) const;       // a file or symlink; absent is fine
  void remove_tree(const std::string& name) const;  // whatever it is; absent is fine; symlinks are not followed
  void sync() const;

 private:
  Directory(FileDescriptor fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  FileDescriptor fd_;
  std::string path_;
};

}  // namespace everseal::base
