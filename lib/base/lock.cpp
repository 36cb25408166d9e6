#include "base/lock.h"

#include "base/error.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

namespace everseal::base {
namespace {

FileDescriptor open_lock(const Directory& directory, const std::string& name) {
  require_component(name);
  return file_system().open(directory.descriptor(), name, O_RDWR | O_CREAT, 0600);
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

}  // namespace

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

// Unlocked, not only closed: a child between its fork and exec may hold another descriptor of it.
FileLock::~FileLock() {
  if (fd_) ::flock(fd_.get(), LOCK_UN);
}

std::optional<FileLock> FileLock::try_acquire(const Directory& directory, const std::string& name) {
  FileDescriptor fd = open_lock(directory, name);
  errno = lock(fd.get(), LOCK_EX | LOCK_NB);
  if (errno == EWOULDBLOCK) return std::nullopt;
  if (errno != 0) throw errno_error("lock", directory.path() + "/" + name);
  sign(fd.get());
  return FileLock(std::move(fd));
}

FileLock FileLock::acquire(const Directory& directory, const std::string& name) {
  FileDescriptor fd = open_lock(directory, name);
  errno = lock(fd.get(), LOCK_EX);
  if (errno != 0) throw errno_error("lock", directory.path() + "/" + name);
  sign(fd.get());
  return FileLock(std::move(fd));
}

std::string FileLock::holder(const Directory& directory, const std::string& name) {
  const auto bytes = directory.read(name, 64);
  if (!bytes) return {};
  const std::string_view text = as_text(*bytes);
  const std::string_view digits = text.substr(0, text.find('\n'));
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return std::ranges::all_of(digits, is_digit) ? std::string(digits) : std::string();
}

}  // namespace everseal::base
