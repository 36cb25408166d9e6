#include "fakes/unsynced_file_system.h"

#include "base/error.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <stdexcept>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace everseal::fakes {
namespace {

using base::Bytes;
using base::BytesView;
using base::FileDescriptor;

// The fake itself is broken: no test may go on.
[[noreturn]] void give_up(const std::string& why) {
  std::fputs(fmt::format("unsynced file system: {} (errno {})\n", why, errno).c_str(), stderr);
  ::_exit(99);
}

void must(bool good, const std::string& what) {
  if (!good) give_up("cannot " + what);
}

struct stat status_of(int fd) {
  struct stat status {};
  must(::fstat(fd, &status) == 0, "stat");
  return status;
}

std::pair<dev_t, ino_t> inode_of(int fd) {
  const struct stat status = status_of(fd);
  return {status.st_dev, status.st_ino};
}

FileDescriptor copy_of(int fd) {
  FileDescriptor copy(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
  must(static_cast<bool>(copy), "copy a descriptor");
  return copy;
}

// The file behind a descriptor, whatever way that one was opened.
FileDescriptor reopened(int fd, int flags) {
  FileDescriptor file(::open(fmt::format("/proc/self/fd/{}", fd).c_str(), flags | O_CLOEXEC));
  must(static_cast<bool>(file), "open a file again");
  return file;
}

Bytes content_of(int fd) {
  const FileDescriptor file = reopened(fd, O_RDONLY);
  Bytes bytes(static_cast<std::size_t>(status_of(fd).st_size));
  must(::pread(file.get(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()), "read a file");
  return bytes;
}

bool exists(int directory, const std::string& name, struct stat& status) {
  return ::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
}

}  // namespace

UnsyncedFileSystem::UnsyncedFileSystem(const std::string& scratch, Mishap mishap)
    : scratch_(base::Directory::open(scratch)), mishap_(mishap) {}

int UnsyncedFileSystem::calls() const {
  const std::lock_guard lock(mutex_);
  return calls_;
}

void UnsyncedFileSystem::cut_power() {
  const std::lock_guard lock(mutex_);
  undo_and_exit();
}

void UnsyncedFileSystem::before_call() {
  ++calls_;
  const bool strikes = mishap_.kind == Mishap::Kind::errors ? calls_ >= mishap_.at : calls_ == mishap_.at;
  if (mishap_.kind == Mishap::Kind::none || !strikes) return;
  if (mishap_.kind == Mishap::Kind::power_cut) undo_and_exit();
  if (mishap_.kind == Mishap::Kind::kill) ::_exit(kCutStatus);
  errno = mishap_.code;
  throw base::errno_error("do", fmt::format("mutating call {}", calls_));
}

void UnsyncedFileSystem::undo_and_exit() {
  for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) entry->undo();
  for (const auto& [inode, content] : contents_) {
    const FileDescriptor file = reopened(content.file.get(), O_WRONLY);
    must(::ftruncate(file.get(), 0) == 0, "cut a file");
    must(::pwrite(file.get(), content.bytes.data(), content.bytes.size(), 0) ==
             static_cast<ssize_t>(content.bytes.size()),
         "restore a file");
  }
  for (const auto& [inode, attributes] : attributes_) {
    must(::fchown(attributes.file.get(), attributes.user, attributes.group) == 0, "restore an owner");
    must(::fchmod(attributes.file.get(), attributes.mode) == 0, "restore a mode");
  }
  ::_exit(kCutStatus);
}

void UnsyncedFileSystem::remember_content(int file) {
  if (!S_ISREG(status_of(file).st_mode)) return;
  if (const auto inode = inode_of(file); !contents_.contains(inode))
    contents_.emplace(inode, Content{copy_of(file), content_of(file)});
}

void UnsyncedFileSystem::remember_attributes(int file) {
  const struct stat status = status_of(file);
  if (const auto inode = inode_of(file); !attributes_.contains(inode))
    attributes_.emplace(inode, Attributes{copy_of(file), status.st_mode & 07777, status.st_uid, status.st_gid});
}

void UnsyncedFileSystem::remember_entry(std::vector<int> directories, std::function<void()> undo) {
  Entry entry{{}, std::move(undo)};
  for (const int directory : directories)
    if (const auto inode = inode_of(directory); std::ranges::find(entry.unsynced, inode) == entry.unsynced.end())
      entry.unsynced.push_back(inode);
  entries_.push_back(std::move(entry));
}

std::string UnsyncedFileSystem::next_saved_name() { return std::to_string(++saved_); }

FileDescriptor UnsyncedFileSystem::open(int directory, const std::string& name, int flags, mode_t mode) {
  const std::lock_guard lock(mutex_);
  before_call();
  struct stat status {};
  const bool existed = exists(directory, name, status);
  if (existed && (flags & O_TRUNC) != 0) {
    const FileDescriptor old(::openat(directory, name.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
    if (old) remember_content(old.get());
  }
  FileDescriptor file = FileSystem::open(directory, name, flags, mode);
  if (existed || (flags & O_CREAT) == 0) return file;
  remember_content(file.get());
  remember_entry({directory}, [where = std::make_shared<FileDescriptor>(copy_of(directory)), name] {
    must(::unlinkat(where->get(), name.c_str(), 0) == 0 || errno == ENOENT, "undo the creation of " + name);
  });
  return file;
}

void UnsyncedFileSystem::write(int file, BytesView bytes) {
  const std::lock_guard lock(mutex_);
  before_call();
  remember_content(file);
  FileSystem::write(file, bytes);
}

void UnsyncedFileSystem::sync(int file_or_directory) {
  const std::lock_guard lock(mutex_);
  before_call();
  // The kernel is not asked: what it would keep is what is not undone.
  const auto inode = inode_of(file_or_directory);
  contents_.erase(inode);
  attributes_.erase(inode);
  for (Entry& entry : entries_) std::erase(entry.unsynced, inode);
  std::erase_if(entries_, [](const Entry& entry) { return entry.unsynced.empty(); });
}

void UnsyncedFileSystem::change_mode(int file, mode_t mode) {
  const std::lock_guard lock(mutex_);
  before_call();
  remember_attributes(file);
  FileSystem::change_mode(file, mode);
}

void UnsyncedFileSystem::change_owner(int file, uid_t user, gid_t group) {
  const std::lock_guard lock(mutex_);
  before_call();
  remember_attributes(file);
  FileSystem::change_owner(file, user, group);
}

void UnsyncedFileSystem::rename(int from_directory, const std::string& from, int to_directory, const std::string& to) {
  const std::lock_guard lock(mutex_);
  before_call();
  struct stat status {};
  std::string saved;
  if (exists(to_directory, to, status) && !S_ISDIR(status.st_mode)) {
    saved = next_saved_name();
    must(::linkat(to_directory, to.c_str(), scratch_.descriptor(), saved.c_str(), 0) == 0, "save " + to);
  } else if (exists(to_directory, to, status)) {
    give_up("renaming over a directory is not supported");
  }
  FileSystem::rename(from_directory, from, to_directory, to);
  remember_entry(
      {from_directory, to_directory},
      [source = std::make_shared<FileDescriptor>(copy_of(from_directory)), from,
       target = std::make_shared<FileDescriptor>(copy_of(to_directory)), to, saved, scratch = scratch_.descriptor()] {
        must(::renameat(target->get(), to.c_str(), source->get(), from.c_str()) == 0, "undo the rename of " + from);
        if (saved.empty()) return;
        must(::renameat(scratch, saved.c_str(), target->get(), to.c_str()) == 0, "bring back " + to);
      });
}

void UnsyncedFileSystem::exchange(int directory, const std::string& name, int other_directory,
                                  const std::string& other) {
  const std::lock_guard lock(mutex_);
  before_call();
  FileSystem::exchange(directory, name, other_directory, other);
  remember_entry({directory, other_directory}, [this, one = std::make_shared<FileDescriptor>(copy_of(directory)), name,
                                                two = std::make_shared<FileDescriptor>(copy_of(other_directory)),
                                                other] { FileSystem::exchange(one->get(), name, two->get(), other); });
}

void UnsyncedFileSystem::symlink(const std::string& target, int directory, const std::string& name) {
  const std::lock_guard lock(mutex_);
  before_call();
  FileSystem::symlink(target, directory, name);
  remember_entry({directory}, [where = std::make_shared<FileDescriptor>(copy_of(directory)), name] {
    must(::unlinkat(where->get(), name.c_str(), 0) == 0 || errno == ENOENT, "undo the symlink " + name);
  });
}

void UnsyncedFileSystem::make_directory(int directory, const std::string& name, mode_t mode) {
  const std::lock_guard lock(mutex_);
  before_call();
  FileSystem::make_directory(directory, name, mode);
  // With all that was put into it, durable or not: nothing leads there.
  remember_entry({directory}, [where = std::make_shared<FileDescriptor>(copy_of(directory)), name,
                               scratch = scratch_.descriptor(), saved = next_saved_name()] {
    must(::renameat(where->get(), name.c_str(), scratch, saved.c_str()) == 0 || errno == ENOENT,
         "undo the directory " + name);
  });
}

void UnsyncedFileSystem::remove(int directory, const std::string& name, int flags) {
  const std::lock_guard lock(mutex_);
  before_call();
  const std::string saved = next_saved_name();
  struct stat status {};
  const bool is_directory = exists(directory, name, status) && S_ISDIR(status.st_mode);
  if (is_directory && flags == AT_REMOVEDIR) {
    const FileDescriptor inner(::openat(directory, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    must(static_cast<bool>(inner), "open " + name);
    if (!base::Directory::open(fmt::format("/proc/self/fd/{}", inner.get())).list().empty()) {
      errno = ENOTEMPTY;
      throw base::errno_error("remove", name);
    }
    // Moved, not removed, so that undoing goes on inside the same directory.
    must(::renameat(directory, name.c_str(), scratch_.descriptor(), saved.c_str()) == 0, "move " + name);
  } else {
    if (flags == 0 && !is_directory)
      must(::linkat(directory, name.c_str(), scratch_.descriptor(), saved.c_str(), 0) == 0 || errno == ENOENT,
           "save " + name);
    FileSystem::remove(directory, name, flags);
  }
  remember_entry({directory}, [where = std::make_shared<FileDescriptor>(copy_of(directory)), name,
                               scratch = scratch_.descriptor(), saved] {
    must(::renameat(scratch, saved.c_str(), where->get(), name.c_str()) == 0, "bring back " + name);
  });
}

ChildEnd run_in_child(const std::string& scratch, Mishap mishap, const std::function<void()>& work) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe");
  const FileDescriptor read_end(ends[0]);
  FileDescriptor write_end(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("fork");
  if (child == 0) {
    int status = 0;
    try {
      UnsyncedFileSystem files(scratch, mishap);
      base::replace_file_system(&files);
      try {
        work();
      } catch (const base::Error&) {
        status = 1;
      }
      const int calls = files.calls();
      base::replace_file_system(nullptr);
      if (::write(write_end.get(), &calls, sizeof calls) != static_cast<ssize_t>(sizeof calls)) status = 98;
    } catch (...) {
      status = 98;
    }
    ::_exit(status);
  }
  write_end.reset();
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  ChildEnd end;
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  if (code == kCutStatus) end.how = ChildEnd::How::cut;
  if (code == 0) end.how = ChildEnd::How::done;
  if (code == 1) end.how = ChildEnd::How::failed;
  if (code == 0 || code == 1) {
    if (::read(read_end.get(), &end.calls, sizeof end.calls) != static_cast<ssize_t>(sizeof end.calls))
      end.how = ChildEnd::How::other;
  }
  return end;
}

}  // namespace everseal::fakes
