#include "base/file.h"

#include "base/error.h"
#include "base/text.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstdlib>
#include <list>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace everseal::base {
namespace {

constexpr int kDirectoryFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
constexpr std::size_t kSecretLimit = 64 * 1024;
constexpr int kDeepestTree = 64;  // each level holds a descriptor

// What a descriptor stands for, for messages only.
std::string path_of(int fd) {
  if (fd == AT_FDCWD) return ".";
  std::array<char, PATH_MAX> text{};
  const ssize_t size = ::readlink(fmt::format("/proc/self/fd/{}", fd).c_str(), text.data(), text.size());
  if (size <= 0) return fmt::format("descriptor {}", fd);
  return {text.data(), static_cast<std::size_t>(size)};
}

std::string shown(const std::string& directory, const std::string& name) {
  return printable(directory.ends_with('/') ? directory + name : directory + "/" + name);
}

// The Error of the current errno, with the faults that callers branch on.
Error failure(std::string_view doing, const std::string& what) {
  const int code = errno;
  Error error = errno_error(doing, what);
  if (code == ENOENT) return Error(Fault::not_found, error.message(), error.hint());
  if (code == EEXIST || code == ENOTEMPTY) return Error(Fault::exists, error.message(), error.hint());
  return error;
}

Error failure_at(std::string_view doing, int directory, const std::string& name) {
  const int code = errno;
  const std::string what = shown(path_of(directory), name);
  errno = code;
  return failure(doing, what);
}

template <class Call>
auto retried(Call call) {
  for (;;) {
    const auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

// ".NAME.RANDOM": hidden from globs, and nobody can put something there beforehand.
std::string temporary_name(const std::string& name) {
  std::array<std::uint8_t, 12> random{};
  if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size()))
    throw errno_error("read", "random bytes");
  return fmt::format(".{}.{}", name.substr(0, 128), hex(random));
}

// Reads a regular file to its end. What is outgrown is wiped, as it may hold a secret.
Bytes read_to_end(int fd, std::size_t limit, const std::string& what) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) throw errno_error("read", what);
  const std::size_t announced = status.st_size > 0 ? static_cast<std::size_t>(status.st_size) : 0;
  Bytes bytes(std::min(std::max<std::size_t>(announced, 4095), limit) + 1);
  std::size_t size = 0;
  for (;;) {
    if (size == bytes.size()) {
      Bytes larger(std::min(bytes.size() * 2, limit + 1));
      std::ranges::copy(bytes, larger.begin());
      wipe(bytes.data(), bytes.size());
      bytes = std::move(larger);
    }
    const ssize_t count = retried([&] { return ::read(fd, bytes.data() + size, bytes.size() - size); });
    if (count < 0) {
      const int code = errno;
      wipe(bytes.data(), bytes.size());
      errno = code;
      throw errno_error("read", what);
    }
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
    if (size > limit) {
      wipe(bytes.data(), bytes.size());
      throw Error(Fault::invalid, fmt::format("{} is larger than {} octets", what, limit));
    }
  }
  bytes.resize(size);
  return bytes;
}

Secret read_secret_to_end(int fd, std::size_t limit, const std::string& what) {
  Bytes bytes = read_to_end(fd, limit, what);
  Secret secret{BytesView(bytes)};
  wipe(bytes.data(), bytes.size());
  return secret;
}

// A regular file below an open directory; none where absent. Opening never blocks, as a FIFO would. `link_flag` is
// O_NOFOLLOW or 0.
FileDescriptor open_regular(int directory, const std::string& name, int link_flag, const std::string& what) {
  FileDescriptor file(
      retried([&] { return ::openat(directory, name.c_str(), O_RDONLY | link_flag | O_NONBLOCK | O_CLOEXEC); }));
  if (!file) {
    if (errno == ENOENT) return file;
    if (errno == ELOOP && link_flag != 0)
      throw Error(Fault::invalid, fmt::format("{} is a symbolic link, not a regular file", what));
    if (errno == ENXIO) throw Error(Fault::invalid, fmt::format("{} is not a regular file", what));
    throw errno_error("open", what);
  }
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw errno_error("read", what);
  if (!S_ISREG(status.st_mode)) throw Error(Fault::invalid, fmt::format("{} is not a regular file", what));
  return file;
}

bool ours_or_roots(const struct stat& status) { return status.st_uid == 0 || status.st_uid == ::geteuid(); }

// Makes and opens `name`; an existing directory is opened as it is.
FileDescriptor make_directory_durably(int parent, const std::string& name, mode_t mode, const std::string& what) {
  FileDescriptor made(retried([&] { return ::openat(parent, name.c_str(), kDirectoryFlags | O_NOFOLLOW); }));
  if (made) return made;
  if (errno != ENOENT) throw failure("open the directory", what);
  try {
    file_system().make_directory(parent, name, mode);
  } catch (const Error& error) {
    if (error.fault() != Fault::exists) throw;  // somebody else was faster
  }
  made = FileDescriptor(retried([&] { return ::openat(parent, name.c_str(), kDirectoryFlags | O_NOFOLLOW); }));
  if (!made) throw failure("open the directory", what);
  // The umask may have taken bits away. In a directory of somebody else's this may by now be another one than was made.
  struct stat status {};
  if (::fstat(made.get(), &status) != 0) throw errno_error("read", what);
  if ((status.st_mode & 07777 & ~static_cast<mode_t>(S_ISGID)) != mode && status.st_uid == ::geteuid()) {
    file_system().change_mode(made.get(), mode);
    file_system().sync(made.get());
  }
  file_system().sync(parent);
  return made;
}

// Opens `path` from where it starts; symlinks are followed.
FileDescriptor open_directory(const std::string& path) {
  return FileDescriptor(retried([&] { return ::open(path.c_str(), kDirectoryFlags); }));
}

std::pair<std::string, std::string> split_path(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return {".", path};
  return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

// Removes what was begun and failed, without hiding why it failed.
class Unfinished {
 public:
  Unfinished(int directory, const std::string& name) : directory_(directory), name_(name) {}
  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;
  ~Unfinished() {
    if (finished_) return;
    try {
      file_system().remove(directory_, name_, 0);
    } catch (const Error&) {
      // The first error is the one to report.
    }
  }
  void finish() noexcept { finished_ = true; }

 private:
  int directory_;
  std::string name_;
  bool finished_ = false;
};

// A new file with its content, owner and mode, of which nothing need be on the disk yet. Nobody else can read it before
// its mode is set.
FileDescriptor write_unsynced(int directory, const std::string& name, BytesView bytes, const Ownership& ownership) {
  FileSystem& system = file_system();
  FileDescriptor file = system.open(directory, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
  Unfinished unfinished(directory, name);
  system.write(file.get(), bytes);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw failure_at("read", directory, name);
  const uid_t user = ownership.user.value_or(status.st_uid);
  const gid_t group = ownership.group.value_or(status.st_gid);
  if (user != status.st_uid || group != status.st_gid) system.change_owner(file.get(), user, group);
  // After the owner, whose change clears set-id bits.
  if ((status.st_mode & 07777) != ownership.mode) system.change_mode(file.get(), ownership.mode);
  unfinished.finish();
  return file;
}

void write_durably(int directory, const std::string& name, BytesView bytes, const Ownership& ownership) {
  const FileDescriptor file = write_unsynced(directory, name, bytes, ownership);
  Unfinished unfinished(directory, name);
  file_system().sync(file.get());
  unfinished.finish();
}

std::vector<std::string> names_in(int directory, const std::string& what) {
  // A descriptor of its own, so that two calls do not share one position.
  FileDescriptor own(retried([&] { return ::openat(directory, ".", kDirectoryFlags); }));
  if (!own) throw errno_error("list", what);
  const Handle<DIR, ::closedir> stream(::fdopendir(own.get()));
  if (!stream) throw errno_error("list", what);
  own.release();
  std::vector<std::string> names;
  for (errno = 0;; errno = 0) {
    const dirent* const entry = ::readdir(stream.get());
    if (entry == nullptr) break;
    if (const std::string_view text = entry->d_name; text != "." && text != "..") names.emplace_back(text);
  }
  if (errno != 0) throw errno_error("list", what);
  std::ranges::sort(names);
  return names;
}

void remove_tree_at(int directory, const std::string& name, const std::string& what, int depth) {
  struct stat status {};
  if (::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return;
    throw errno_error("remove", what);
  }
  if (!S_ISDIR(status.st_mode)) return file_system().remove(directory, name, 0);
  if (depth == kDeepestTree)
    throw Error(Fault::invalid, fmt::format("{} has too many directories in each other", what));
  const int fd = retried([&] { return ::openat(directory, name.c_str(), kDirectoryFlags | O_NOFOLLOW); });
  if (fd < 0) throw errno_error("remove", what);
  const FileDescriptor inner(fd);
  for (const std::string& one : names_in(inner.get(), what))
    remove_tree_at(inner.get(), one, shown(what, one), depth + 1);
  file_system().remove(directory, name, AT_REMOVEDIR);
}

template <class Id>
std::optional<Id> parse_id(std::string_view text) {
  Id id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  // -1 means "leave as it is" to chown(2).
  if (error != std::errc() || end != text.data() + text.size() || id == static_cast<Id>(-1)) return std::nullopt;
  return id;
}

std::optional<uid_t> find_user(const std::string& name) {
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> buffer(16 * 1024);
  ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  return found == nullptr ? parse_id<uid_t>(name) : found->pw_uid;
}

std::optional<gid_t> find_group(const std::string& name) {
  group entry{};
  group* found = nullptr;
  std::vector<char> buffer(64 * 1024);
  ::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  return found == nullptr ? parse_id<gid_t>(name) : found->gr_gid;
}

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

Ownership parse_ownership(std::string_view owner, mode_t mode) {
  Ownership ownership{.mode = mode};
  const auto colon = owner.find(':');
  const std::string user(owner.substr(0, colon));
  const std::string group(colon == std::string_view::npos ? std::string_view() : owner.substr(colon + 1));
  if (owner.find('\0') != std::string_view::npos || (user.empty() && group.empty()) ||
      (colon != std::string_view::npos && group.empty()))
    throw Error(Fault::config, fmt::format("'{}' is not an owner", printable(owner)),
                "write \"user\", \"user:group\" or \":group\"");
  if (!user.empty()) {
    ownership.user = find_user(user);
    if (!ownership.user) throw Error(Fault::config, fmt::format("this system has no user '{}'", printable(user)));
  }
  if (!group.empty()) {
    ownership.group = find_group(group);
    if (!ownership.group) throw Error(Fault::config, fmt::format("this system has no group '{}'", printable(group)));
  }
  return ownership;
}

void require_component(const std::string& name) {
  if (name.empty() || name == "." || name == ".." || name.size() > NAME_MAX || name.find('/') != std::string::npos ||
      name.find('\0') != std::string::npos)
    throw Error(Fault::invalid, fmt::format("'{}' is not the name of a file in a directory", printable(name)));
}

Directory Directory::open(const std::string& path) {
  FileDescriptor fd = open_directory(path);
  if (!fd) throw failure("open the directory", printable(path));
  return {std::move(fd), path};
}

std::optional<Directory> Directory::open_if_exists(const std::string& path) {
  FileDescriptor fd = open_directory(path);
  if (fd) return Directory(std::move(fd), path);
  if (errno == ENOENT) return std::nullopt;
  throw failure("open the directory", printable(path));
}

Directory Directory::create(const std::string& path, mode_t mode) {
  if (path.empty()) throw Error(Fault::invalid, "the path of the directory to create is empty");
  if (auto existing = open_if_exists(path)) return std::move(*existing);
  std::string trimmed = path;
  while (trimmed.size() > 1 && trimmed.ends_with('/')) trimmed.pop_back();
  const auto [parent_path, name] = split_path(trimmed);
  require_component(name);
  const Directory parent = create(parent_path, mode);
  return {make_directory_durably(parent.descriptor(), name, mode, printable(path)), path};
}

Directory Directory::subdirectory(const std::string& name) const {
  auto found = subdirectory_if_exists(name);
  if (!found) {
    errno = ENOENT;
    throw failure("open the directory", shown(path_, name));
  }
  return std::move(*found);
}

std::optional<Directory> Directory::subdirectory_if_exists(const std::string& name) const {
  require_component(name);
  FileDescriptor fd(retried([&] { return ::openat(fd_.get(), name.c_str(), kDirectoryFlags | O_NOFOLLOW); }));
  if (fd) return Directory(std::move(fd), path_ + "/" + name);
  if (errno == ENOENT) return std::nullopt;
  throw failure("open the directory", shown(path_, name));
}

Directory Directory::create_subdirectory(const std::string& name, mode_t mode) const {
  require_component(name);
  return {make_directory_durably(fd_.get(), name, mode, shown(path_, name)), path_ + "/" + name};
}

std::optional<Bytes> Directory::read(const std::string& name, std::size_t limit) const {
  require_component(name);
  const std::string what = shown(path_, name);
  const FileDescriptor file = open_regular(fd_.get(), name, O_NOFOLLOW, what);
  if (!file) return std::nullopt;
  return read_to_end(file.get(), limit, what);
}

std::optional<Secret> Directory::read_secret(const std::string& name, std::size_t limit) const {
  require_component(name);
  const std::string what = shown(path_, name);
  const FileDescriptor file = open_regular(fd_.get(), name, O_NOFOLLOW, what);
  if (!file) return std::nullopt;
  return read_secret_to_end(file.get(), limit, what);
}

bool Directory::has(const std::string& name) const {
  require_component(name);
  struct stat status {};
  if (::fstatat(fd_.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) return true;
  if (errno == ENOENT) return false;
  throw errno_error("look at", shown(path_, name));
}

std::vector<std::string> Directory::list() const { return names_in(fd_.get(), printable(path_)); }

std::optional<std::string> Directory::read_link(const std::string& name) const {
  require_component(name);
  std::array<char, PATH_MAX> target{};
  const ssize_t size = ::readlinkat(fd_.get(), name.c_str(), target.data(), target.size());
  if (size >= 0) return std::string(target.data(), static_cast<std::size_t>(size));
  if (errno == ENOENT || errno == EINVAL) return std::nullopt;
  throw errno_error("read the symbolic link", shown(path_, name));
}

void Directory::write_new(const std::string& name, BytesView bytes, const Ownership& ownership) const {
  require_component(name);
  write_durably(fd_.get(), name, bytes, ownership);
}

void Directory::write_new(std::span<const NewFile> files) const {
  std::list<Unfinished> unfinished;
  std::vector<FileDescriptor> open;
  for (const NewFile& file : files) {
    require_component(file.name);
    open.push_back(write_unsynced(fd_.get(), file.name, file.bytes, file.ownership));
    unfinished.emplace_back(fd_.get(), file.name);
    file_system().begin_sync(open.back().get());
  }
  for (const FileDescriptor& file : open) file_system().sync(file.get());
  sync();
  for (Unfinished& one : unfinished) one.finish();
}

void Directory::replace(const std::string& name, BytesView bytes, const Ownership& ownership) const {
  require_component(name);
  const std::string temporary = temporary_name(name);
  write_durably(fd_.get(), temporary, bytes, ownership);
  Unfinished unfinished(fd_.get(), temporary);
  file_system().rename(fd_.get(), temporary, fd_.get(), name);
  unfinished.finish();
  sync();
}

void Directory::switch_link(const std::string& name, const std::string& target) const {
  require_component(name);
  const std::string temporary = temporary_name(name);
  file_system().symlink(target, fd_.get(), temporary);
  Unfinished unfinished(fd_.get(), temporary);
  file_system().rename(fd_.get(), temporary, fd_.get(), name);
  unfinished.finish();
  sync();
}

void Directory::rename(const std::string& from, const std::string& to) const {
  require_component(from);
  require_component(to);
  file_system().rename(fd_.get(), from, fd_.get(), to);
  sync();
}

void Directory::remove(const std::string& name) const {
  if (!has(name)) return;
  file_system().remove(fd_.get(), name, 0);
  sync();
}

void Directory::remove_tree(const std::string& name) const {
  if (!has(name)) return;
  remove_tree_at(fd_.get(), name, shown(path_, name), 0);
  sync();
}

void Directory::sync() const { file_system().sync(fd_.get()); }

Bytes read_file(const std::string& path, std::size_t limit) {
  if (path == "-") return read_to_end(STDIN_FILENO, limit, "standard input");
  const FileDescriptor file(retried([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC); }));
  if (!file) throw failure("open", printable(path));
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw errno_error("read", printable(path));
  if (S_ISDIR(status.st_mode)) throw Error(Fault::invalid, fmt::format("{} is a directory", printable(path)));
  return read_to_end(file.get(), limit, printable(path));
}

Secret read_regular_file(const std::string& path, std::size_t limit) {
  const std::string what = printable(path);
  const FileDescriptor file = open_regular(AT_FDCWD, path, 0, what);
  if (!file) throw failure("open", what);
  return read_secret_to_end(file.get(), limit, what);
}

void write_file(const std::string& path, BytesView bytes, const Ownership& ownership) {
  const auto [parent, name] = split_path(path);
  struct stat status {};
  // /dev/stdout, /dev/null and pipes are written to, never replaced; one that a stranger put there gets nothing.
  if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    if (S_ISDIR(status.st_mode)) throw Error(Fault::invalid, fmt::format("{} is a directory", printable(path)));
    if (!ours_or_roots(status)) throw Error(Fault::denied, fmt::format("{} belongs to somebody else", printable(path)));
    const FileDescriptor file(retried([&] { return ::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY); }));
    if (!file) throw failure("open", printable(path));
    return file_system().write(file.get(), bytes);
  }
  Directory::open(parent).replace(name, bytes, ownership);
}

Secret read_secret_file(const std::string& option) {
  constexpr std::string_view kCredential = "credential:";
  const std::string shown_option = printable(option);
  const auto refuse = [&shown_option](std::string_view rule, std::string hint = {}) {
    return Error(Fault::config, fmt::format("cannot use the secret file {}: {}", shown_option, rule), std::move(hint));
  };
  std::string path = option;
  const bool credential = option.starts_with(kCredential);
  if (credential) {
    const std::string name = option.substr(kCredential.size());
    const char* const directory = ::secure_getenv("CREDENTIALS_DIRECTORY");
    if (directory == nullptr || *directory != '/')
      throw refuse("$CREDENTIALS_DIRECTORY is not set", "systemd sets it for units with LoadCredential=");
    if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos)
      throw refuse("a credential is named by one word without slashes");
    path = fmt::format("{}/{}", directory, name);
  }
  if (path.empty() || path.find('\0') != std::string::npos) throw refuse("that is not a path");
  const FileDescriptor file(retried([&] { return ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC); }));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) throw refuse(errno_text(errno));
  if (!S_ISREG(status.st_mode)) throw refuse("it is not a regular file");
  // systemd guards a credential by its directory and may show an ACL's mask as group bits.
  if (!credential) {
    if (!ours_or_roots(status)) throw refuse("it belongs to another user", "it must belong to root or to you");
    if ((status.st_mode & 077) != 0)
      throw refuse("others may read or write it", fmt::format("run: chmod 600 {}", shown_option));
  }
  Bytes bytes;
  try {
    bytes = read_to_end(file.get(), kSecretLimit, shown_option);
  } catch (const Error& error) {
    throw refuse(error.message());
  }
  std::string_view text = as_text(bytes);
  if (text.ends_with('\n')) text.remove_suffix(text.ends_with("\r\n") ? 2 : 1);
  Secret secret(text);
  wipe(bytes.data(), bytes.size());
  if (secret.empty()) throw refuse("it is empty");
  return secret;
}

void require_trusted(const std::string& path) {
  const std::string asked = printable(path);
  if (path.empty() || path.find('\0') != std::string::npos)
    throw Error(Fault::config, fmt::format("'{}' is not a path", asked));
  std::vector<std::string> ahead;  // components still to walk, the next one last
  const auto push = [&ahead](std::string_view text) {
    std::vector<std::string> parts = split(text, '/');
    std::ranges::reverse(parts);
    std::ranges::move(parts, std::back_inserter(ahead));
  };
  push(path);
  if (path.front() != '/') {
    const Handle<char, ::free> here(::get_current_dir_name());
    if (!here) throw errno_error("find", "the current directory");
    push(here.get());
  }
  const auto distrust = [&asked](const std::string& component, std::string_view rule) {
    const std::string at = printable(component);
    return Error(Fault::config,
                 at == asked ? fmt::format("{} cannot be trusted: {}", asked, rule)
                             : fmt::format("{} cannot be trusted: {} {}", asked, at, rule),
                 "it and every directory above it must belong to root or to you, and nobody else may write there");
  };

  std::string walked;  // without a slash at its end; "" is the root
  int links = 0;
  for (bool first = true; first || !ahead.empty(); first = false) {
    std::string next = walked;
    if (!first) {
      const std::string part = std::move(ahead.back());
      ahead.pop_back();
      if (part.empty() || part == ".") continue;
      if (part == "..") {
        walked.resize(walked.empty() ? 0 : walked.rfind('/'));
        continue;
      }
      next = walked + "/" + part;
    }
    const std::string component = next.empty() ? "/" : next;
    struct stat status {};
    if (::lstat(component.c_str(), &status) != 0)
      throw Error(Fault::config, failure("look at", printable(component)).message());
    if (!ours_or_roots(status)) throw distrust(component, "belongs to another user");
    if (S_ISLNK(status.st_mode)) {
      if (++links > 40) throw distrust(component, "is a loop of symbolic links");
      std::array<char, PATH_MAX> target{};
      const ssize_t size = ::readlink(component.c_str(), target.data(), target.size());
      if (size <= 0) throw errno_error("read the symbolic link", printable(component));
      const std::string_view text(target.data(), static_cast<std::size_t>(size));
      push(text);
      if (text.front() == '/') walked.clear();
      continue;
    }
    const bool sticky_directory = S_ISDIR(status.st_mode) && (status.st_mode & S_ISVTX) != 0;
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0 && !sticky_directory)
      throw distrust(component, "can be written by others");
    walked = std::move(next);
  }
}

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
