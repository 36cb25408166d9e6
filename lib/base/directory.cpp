#include "base/directory.h"

#include "base/error.h"
#include "base/reading.h"
#include "base/system_calls.h"
#include "base/text.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <ctime>
#include <list>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

namespace everseal::base {
namespace {

constexpr int kDirectoryFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
constexpr int kDeepestTree = 64;  // each level holds a descriptor

// ".NAME.RANDOM": hidden from globs, and nobody can put something there beforehand.
std::string temporary_name(const std::string& name) {
  std::array<std::uint8_t, 12> random{};
  if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size()))
    throw errno_error("read", "random bytes");
  return fmt::format(".{}.{}", name.substr(0, 128), hex(random));
}

bool is_temporary(std::string_view name) {
  const auto dot = name.rfind('.');
  return name.starts_with('.') && dot != 0 && name.size() - dot == 25 &&
         name.find_first_not_of("0123456789abcdef", dot + 1) == std::string_view::npos;
}

// Does nobody write it any more? A link, and a file before it is locked, are there for no longer than a moment.
bool is_left_over(int directory, const std::string& name) {
  constexpr time_t moment = 2;
  struct stat status {};
  timespec now{};
  if (::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 ||
      ::clock_gettime(CLOCK_REALTIME, &now) != 0)
    return false;
  const time_t age = now.tv_sec - status.st_mtim.tv_sec;
  if (age >= 0 && age < moment) return false;
  if (S_ISLNK(status.st_mode)) return true;
  if (!S_ISREG(status.st_mode)) return false;
  const FileDescriptor file(::openat(directory, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  return file && ::flock(file.get(), LOCK_EX | LOCK_NB) == 0;
}

// Makes and opens `name`; an existing directory is opened as it is. Its entry is synced all the same: a run that died
// before it did so may have made it.
FileDescriptor make_directory_durably(int parent, const std::string& name, mode_t mode, const std::string& what) {
  FileDescriptor made(retried([&] { return ::openat(parent, name.c_str(), kDirectoryFlags | O_NOFOLLOW); }));
  if (made) {
    file_system().sync(parent);
    return made;
  }
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
  // While it is open nobody sweeps it. A file system without locks sweeps nothing.
  static_cast<void>(::flock(file.get(), LOCK_EX | LOCK_NB));
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

}  // namespace

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

bool Directory::has_directory(const std::string& name) const {
  require_component(name);
  struct stat status {};
  return ::fstatat(fd_.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode);
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
  const FileDescriptor file = write_unsynced(fd_.get(), temporary, bytes, ownership);
  Unfinished unfinished(fd_.get(), temporary);
  file_system().sync(file.get());
  file_system().rename(fd_.get(), temporary, fd_.get(), name);
  unfinished.finish();
  sync();
}

void Directory::copy_new(const std::string& name, int source, const Ownership& ownership) const {
  require_component(name);
  const auto refuse_existing = [&] {
    if (has(name)) throw Error(Fault::exists, fmt::format("{} exists already", shown(path_, name)));
  };
  refuse_existing();
  const std::string temporary = temporary_name(name);
  const FileDescriptor file = write_unsynced(fd_.get(), temporary, {}, ownership);
  Unfinished unfinished(fd_.get(), temporary);
  std::vector<std::uint8_t> chunk(1 << 20);
  for (;;) {
    const ssize_t count = retried([&] { return ::read(source, chunk.data(), chunk.size()); });
    if (count < 0) throw errno_error("read", printable(path_of(source)));
    if (count == 0) break;
    file_system().write(file.get(), BytesView(chunk).first(static_cast<std::size_t>(count)));
  }
  file_system().sync(file.get());
  refuse_existing();
  file_system().rename(fd_.get(), temporary, fd_.get(), name);
  unfinished.finish();
  sync();
}

void Directory::sweep_temporaries(const std::function<bool(const std::string& name)>& may_go) const {
  for (const std::string& name : list())
    if (is_temporary(name) && (!may_go || may_go(name)) && is_left_over(fd_.get(), name)) remove(name);
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

std::string Directory::move_aside(const std::string& name) const {
  const std::string hidden = fmt::format(".{}.aside", name);
  std::string aside = hidden;
  for (int number = 2; has(aside); ++number) aside = fmt::format("{}-{}", hidden, number);
  rename(name, aside);
  return fmt::format("{}/{}", path_, aside);
}

void Directory::exchange(const std::string& name, const Directory& other, const std::string& other_name) const {
  require_component(name);
  require_component(other_name);
  file_system().exchange(fd_.get(), name, other.fd_.get(), other_name);
  other.sync();
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

}  // namespace everseal::base
