#include "base/lock.h"

#include "base/error.h"
#include "base/shell.h"
#include "base/system_calls.h"
#include "base/text.h"

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <set>
#include <sstream>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace everseal::base {
namespace {

// Not blocking: a FIFO that has the name would wait for somebody at its other end.
FileDescriptor open_file(const Directory& directory, const std::string& name, Sharing sharing) {
  try {
    if (sharing == Sharing::shared) return file_system().open(directory.descriptor(), name, O_RDONLY | O_NONBLOCK, 0);
  } catch (const Error& error) {
    if (error.fault() != Fault::not_found) throw;
  }
  return file_system().open(directory.descriptor(), name, O_RDWR | O_CREAT | O_NONBLOCK, 0600);
}

FileDescriptor open_lock(const Directory& directory, const std::string& name, Sharing sharing) {
  require_component(name);
  FileDescriptor fd = open_file(directory, name, sharing);
  struct stat status {};
  const std::string path = shown(directory.path(), name);
  if (::fstat(fd.get(), &status) != 0) throw errno_error("look at", path);
  if (!S_ISREG(status.st_mode))
    throw Error(Fault::invalid, fmt::format("the lock {} is not a regular file", path),
                fmt::format("`rm -r {}` takes it away: it is made anew", shell_word(path)));
  return fd;
}

// False where the file was removed, or another one put in its place, since it was opened: a lock on it excludes nobody.
bool is_still(int fd, const Directory& directory, const std::string& name) {
  struct stat held {
  }, there{};
  return ::fstat(fd, &held) == 0 && ::fstatat(directory.descriptor(), name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0 &&
         held.st_dev == there.st_dev && held.st_ino == there.st_ino;
}

// For messages only, so a full disk does not stop anyone from locking.
void sign(int fd) {
  const std::string text = fmt::format("{}\n", ::getpid());
  if (::ftruncate(fd, 0) == 0 && ::pwrite(fd, text.data(), text.size(), 0) < 0) errno = 0;
}

int lock(int fd, int operation) {
  for (;;) {
    if (::flock(fd, operation) == 0) return 0;
    if (errno != EINTR) return errno;
  }
}

// "812 (everseal)", the name as far as the process is to be seen
std::string process_text(pid_t process) {
  std::ifstream file(fmt::format("/proc/{}/comm", process));
  std::string name;
  std::getline(file, name);
  return name.empty() ? std::to_string(process) : fmt::format("{} ({})", process, printable(name));
}

// Of proc_locks(5): "7: FLOCK  ADVISORY  READ 812 fd:01:3407 0 EOF". Some file systems (btrfs) give the kernel another
// device than stat(2), so that the inode alone must do where no line has both.
std::set<pid_t> flock_holders(dev_t device, ino_t inode) {
  const std::string both = fmt::format("{:02x}:{:02x}:{}", major(device), minor(device), inode);
  const std::string inode_alone = fmt::format(":{}", inode);
  std::set<pid_t> exact, likely;
  std::ifstream file("/proc/locks");
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    std::string number, type, advisory, mode, place;
    pid_t process = 0;
    if (!(fields >> number >> type >> advisory >> mode >> process >> place) || type != "FLOCK" || process <= 0)
      continue;
    if (place == both) exact.insert(process);
    if (place.ends_with(inode_alone)) likely.insert(process);
  }
  return exact.empty() ? likely : exact;
}

}  // namespace

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

// Unlocked, not only closed: a child between its fork and exec may hold another descriptor of it.
FileLock::~FileLock() {
  if (fd_) ::flock(fd_.get(), LOCK_UN);
}

std::optional<FileLock> FileLock::take(const Directory& directory, const std::string& name, Sharing sharing,
                                       int flags) {
  for (;;) {
    FileDescriptor fd = open_lock(directory, name, sharing);
    errno = lock(fd.get(), (sharing == Sharing::shared ? LOCK_SH : LOCK_EX) | flags);
    if (errno == EWOULDBLOCK) return std::nullopt;
    if (errno != 0) throw errno_error("lock", shown(directory.path(), name));
    if (!is_still(fd.get(), directory, name)) continue;
    if (sharing == Sharing::exclusive) sign(fd.get());
    return FileLock(std::move(fd));
  }
}

std::optional<FileLock> FileLock::try_acquire(const Directory& directory, const std::string& name, Sharing sharing) {
  return take(directory, name, sharing, LOCK_NB);
}

FileLock FileLock::acquire(const Directory& directory, const std::string& name) {
  return std::move(*take(directory, name, Sharing::exclusive, 0));
}

std::optional<FileLock> FileLock::acquire(const Directory& directory, const std::string& name, Sharing sharing,
                                          const LockWait& wait) {
  using std::chrono::milliseconds;
  constexpr milliseconds kLongestPause{50};
  constexpr milliseconds kSignOfLife{1000};
  const auto began = std::chrono::steady_clock::now();
  auto next_sign = milliseconds(0);
  std::mutex mutex;
  std::condition_variable_any stopped;
  for (milliseconds pause{1};; pause = std::min(pause * 2, kLongestPause)) {
    if (auto held = try_acquire(directory, name, sharing)) return held;
    const auto waited = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - began);
    if (wait.stop.stop_requested()) {
      const std::string by = holder(directory, name);
      throw Error(Fault::cancelled, fmt::format("was stopped while it waited for {}{}", shown(directory.path(), name),
                                                by.empty() ? by : fmt::format(", which process {} holds", by)));
    }
    if (wait.at_most && waited >= *wait.at_most) return std::nullopt;
    if (wait.waiting && waited >= next_sign) {
      wait.waiting(holder(directory, name), waited);
      next_sign = waited + kSignOfLife;
    }
    if (wait.at_most) pause = std::min(pause, *wait.at_most - waited);
    std::unique_lock hold(mutex);
    stopped.wait_for(hold, wait.stop, pause, [] { return false; });
  }
}

std::string FileLock::holder(const Directory& directory, const std::string& name) {
  const auto bytes = directory.read(name, 64);
  if (!bytes) return {};
  const std::string_view text = as_text(*bytes);
  const std::string_view digits = text.substr(0, text.find('\n'));
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return std::ranges::all_of(digits, is_digit) ? std::string(digits) : std::string();
}

std::string FileLock::holders(const Directory& directory, const std::string& name) {
  constexpr std::size_t kNamed = 3;
  struct stat found {};
  if (::fstatat(directory.descriptor(), name.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0) return {};
  const std::set<pid_t> processes = flock_holders(found.st_dev, found.st_ino);
  if (processes.empty()) return {};
  std::string text = processes.size() == 1 ? "process " : "processes ";
  std::size_t named = 0;
  for (const pid_t process : processes) {
    if (named == kNamed) break;
    text += (named++ == 0 ? "" : ", ") + process_text(process);
  }
  if (processes.size() > named) text += fmt::format(" and {} more", processes.size() - named);
  return text;
}

}  // namespace everseal::base
