// The kernel's file system on a machine that loses its power, or whose disk fails, at a chosen call.
#pragma once

#include "base/file.h"

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace everseal::fakes {

// What happens instead of a mutating call, the `at`-th from 1.
struct Mishap {
  enum class Kind {
    none,
    power_cut,  // all that sync() has not made durable is undone, then the process ends
    kill,       // the process ends, and the kernel keeps all it was told
    error,      // the call fails with `code`
    errors,     // it and every later one fail with `code`, as on a disk that stays full
  };
  Kind kind = Kind::none;
  int at = 0;
  int code = 0;  // an errno
};

constexpr int kCutStatus = 137;  // the process's exit status after a power cut or a kill

// Passes every call on to the kernel and remembers how to undo it until it is durable: content, mode and owner until
// the file was synced, names until their directory was. Before each mutating call the mishap may strike. Thread-safe.
class UnsyncedFileSystem : public base::FileSystem {
 public:
  // `scratch` is an empty directory on the same file system as what is worked on, and outside of it.
  explicit UnsyncedFileSystem(const std::string& scratch, Mishap mishap = {});

  int calls() const;
  [[noreturn]] void cut_power();

  base::FileDescriptor open(int directory, const std::string& name, int flags, mode_t mode) override;
  void write(int file, base::BytesView bytes) override;
  void sync(int file_or_directory) override;
  void change_mode(int file, mode_t mode) override;
  void change_owner(int file, uid_t user, gid_t group) override;
  void rename(int from_directory, const std::string& from, int to_directory, const std::string& to) override;
  void exchange(int directory, const std::string& name, int other_directory, const std::string& other) override;
  void symlink(const std::string& target, int directory, const std::string& name) override;
  void make_directory(int directory, const std::string& name, mode_t mode) override;
  void remove(int directory, const std::string& name, int flags) override;

 private:
  using Inode = std::pair<dev_t, ino_t>;
  struct Content {  // as it was when last durable
    base::FileDescriptor file;
    base::Bytes bytes;
  };
  struct Attributes {
    base::FileDescriptor file;
    mode_t mode;
    uid_t user;
    gid_t group;
  };
  struct Entry {                  // a change of names
    std::vector<Inode> unsynced;  // directories
    std::function<void()> undo;
  };

  void before_call();
  [[noreturn]] void undo_and_exit();
  void remember_content(int file);
  void remember_attributes(int file);
  void remember_entry(std::vector<int> directories, std::function<void()> undo);
  std::string next_saved_name();

  mutable std::mutex mutex_;
  base::Directory scratch_;
  Mishap mishap_;
  int calls_ = 0;
  int saved_ = 0;
  std::map<Inode, Content> contents_;
  std::map<Inode, Attributes> attributes_;
  std::vector<Entry> entries_;
};

// How work in a child process ended.
struct ChildEnd {
  enum class How { done, failed, cut, other };
  How how = How::other;
  int calls = 0;  // mutating calls that were made, where it was not cut
};

// Forks; the child runs `work` on an UnsyncedFileSystem. `failed` is a base::Error that left it.
ChildEnd run_in_child(const std::string& scratch, Mishap mishap, const std::function<void()>& work);

}  // namespace everseal::fakes
