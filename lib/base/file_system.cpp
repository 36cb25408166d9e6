#include "base/file_system.h"

#include "base/error.h"
#include "base/system_calls.h"
#include "base/text.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace everseal::base {
namespace {

FileSystem& kernel() noexcept {
  static FileSystem instance;
  return instance;
}

std::atomic<FileSystem*>& replacement() noexcept {
  static std::atomic<FileSystem*> other = nullptr;
  return other;
}

}  // namespace

FileDescriptor FileSystem::open(int directory, const std::string& name, int flags, mode_t mode) {
  FileDescriptor file(retried([&] { return ::openat(directory, name.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, mode); }));
  if (!file) throw failure_at((flags & O_CREAT) != 0 ? "create" : "open", directory, name);
  return file;
}

void FileSystem::write(int file, BytesView bytes) {
  while (!bytes.empty()) {
    const ssize_t count = retried([&] { return ::write(file, bytes.data(), bytes.size()); });
    if (count < 0) {
      const int code = errno;
      const std::string what = printable(path_of(file));
      errno = code;
      throw errno_error("write", what);
    }
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

void FileSystem::begin_sync(int file) noexcept { ::sync_file_range(file, 0, 0, SYNC_FILE_RANGE_WRITE); }

void FileSystem::sync(int file_or_directory) {
  if (retried([&] { return ::fsync(file_or_directory); }) == 0) return;
  const int code = errno;
  if (code == EINVAL) return;  // a device or pipe: nothing of it rests on a disk
  const std::string what = printable(path_of(file_or_directory));
  errno = code;
  throw errno_error("make durable", what);
}

void FileSystem::change_mode(int file, mode_t mode) {
  if (::fchmod(file, mode) == 0) return;
  const int code = errno;
  const std::string what = printable(path_of(file));
  errno = code;
  throw errno_error("change the mode of", what);
}

void FileSystem::change_owner(int file, uid_t user, gid_t group) {
  if (::fchown(file, user, group) == 0) return;
  const int code = errno;
  const std::string what = printable(path_of(file));
  errno = code;
  const Error error = errno_error("change the owner of", what);
  if (code != EPERM) throw error;
  throw Error(error.fault(), error.message(), "only root can give files to other users, and to groups it is not in");
}

void FileSystem::rename(int from_directory, const std::string& from, int to_directory, const std::string& to) {
  if (::renameat(from_directory, from.c_str(), to_directory, to.c_str()) == 0) return;
  const int code = errno;
  const std::string what =
      fmt::format("{} to {}", shown(path_of(from_directory), from), shown(path_of(to_directory), to));
  errno = code;
  throw failure("rename", what);
}

void FileSystem::exchange(int directory, const std::string& name, int other_directory, const std::string& other) {
  constexpr unsigned kExchange = 2;  // RENAME_EXCHANGE, which <stdio.h> hides without _GNU_SOURCE
  if (::syscall(SYS_renameat2, directory, name.c_str(), other_directory, other.c_str(), kExchange) == 0) return;
  const int code = errno;
  const std::string what =
      fmt::format("{} with {}", shown(path_of(directory), name), shown(path_of(other_directory), other));
  errno = code;
  const Error error = failure("exchange", what);
  if (code == EINVAL || code == ENOSYS) throw Error(Fault::invalid, error.message());
  throw error;
}

void FileSystem::symlink(const std::string& target, int directory, const std::string& name) {
  if (::symlinkat(target.c_str(), directory, name.c_str()) != 0)
    throw failure_at("make the symbolic link", directory, name);
}

void FileSystem::make_directory(int directory, const std::string& name, mode_t mode) {
  if (::mkdirat(directory, name.c_str(), mode) != 0) throw failure_at("make the directory", directory, name);
}

void FileSystem::remove(int directory, const std::string& name, int flags) {
  if (::unlinkat(directory, name.c_str(), flags) != 0) throw failure_at("remove", directory, name);
}

FileSystem& file_system() noexcept {
  FileSystem* const other = replacement().load();
  return other == nullptr ? kernel() : *other;
}

void replace_file_system(FileSystem* other) noexcept { replacement() = other; }

bool is_network_file_system(const std::string& directory) {
  // From linux/magic.h and the file systems' own sources.
  static constexpr std::array<std::uint32_t, 14> kMagics{
      0x6969,      // NFS
      0x517b,      // SMB
      0xff534d42,  // CIFS
      0xfe534d42,  // SMB 2
      0x5346414f,  // AFS
      0x6b414653,  // kAFS
      0x00c36400,  // Ceph
      0x01021997,  // 9p
      0x65735546,  // FUSE
      0x73757245,  // Coda
      0x564c,      // NCP
      0x7461636f,  // OCFS2
      0x01161970,  // GFS2
      0x0bd00bd0,  // Lustre
  };
  struct statfs status {};
  if (::statfs(directory.c_str(), &status) != 0) throw failure("look at", printable(directory));
  return std::ranges::find(kMagics, static_cast<std::uint32_t>(status.f_type)) != kMagics.end();
}

}  // namespace everseal::base
