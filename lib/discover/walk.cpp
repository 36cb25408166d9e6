#include "discover/walk.h"

#include "base/error.h"
#include "base/handle.h"
#include "base/path.h"
#include "base/system_calls.h"
#include "base/text.h"
#include "discover/contents.h"
#include "discover/file_reader.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <iterator>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace everseal::discover {
namespace {

using DirectoryStream = base::Handle<DIR, ::closedir>;

constexpr unsigned kMostThreads = 16;                            // unless asked for: each has its directories open
constexpr std::size_t kBatch = 64;                               // files that one thread takes at once
constexpr std::size_t kMostTasks = 4096;                         // that wait
constexpr std::uint64_t kMostWaiting = std::uint64_t{16} << 20;  // octets of files whose results wait
constexpr std::uint64_t kMostTold = std::uint64_t{1} << 20;      // the same of one thread's
constexpr std::uint64_t kResultCost = 4096;                      // of one, beside its octets
constexpr std::size_t kMostLinks = 200'000;                      // that are remembered until they are followed

// File systems whose files are made by the kernel as they are read.
bool is_kernels(int descriptor) {
  constexpr std::array<long, 10> kKernels{PROC_SUPER_MAGIC, SYSFS_MAGIC,   CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC,
                                          DEBUGFS_MAGIC,    TRACEFS_MAGIC, SECURITYFS_MAGIC,   DEVPTS_SUPER_MAGIC,
                                          BPF_FS_MAGIC,     EFIVARFS_MAGIC};
  struct statfs status {};
  return ::fstatfs(descriptor, &status) == 0 &&
         std::ranges::find(kKernels, static_cast<long>(status.f_type)) != kKernels.end();
}

// "9e2f41d0.0", "9e2f41d0.r1": the name that OpenSSL finds a CA's certificate or CRL by (c_rehash(1)).
bool is_hash_name(std::string_view name) {
  constexpr std::string_view kHex = "0123456789abcdef", kDigits = "0123456789";
  constexpr std::size_t kLength = 8;
  if (name.size() < kLength + 2 || name[kLength] != '.') return false;
  const std::string_view number = name.substr(name[kLength + 1] == 'r' ? kLength + 2 : kLength + 1);
  return name.substr(0, kLength).find_first_not_of(kHex) == std::string_view::npos && !number.empty() &&
         number.find_first_not_of(kDigits) == std::string_view::npos;
}

// Absolute and without links; "" where nothing is there.
std::string real_path(const std::string& path) {
  const base::Handle<char, std::free> found(::realpath(path.c_str(), nullptr));
  return found ? std::string(found.get()) : std::string();
}

struct Link {
  std::string path;
  dev_t root_device = 0;
  int depth = 0;  // of the directory that it stands in
};

struct Folder {
  base::FileDescriptor descriptor;
  std::string path;  // without a slash at its end, but for "/"
  dev_t device = 0;
  dev_t root_device = 0;
  int depth = 0;
  bool is_behind_link = false;  // it, or one above it, lies outside of the roots

  std::string below(const std::string& name) const { return (path == "/" ? "" : path) + "/" + name; }
};
using SharedFolder = std::shared_ptr<const Folder>;

// Either a directory to enter, or files to read.
struct Task {
  SharedFolder parent;
  std::vector<std::string> names;
  bool is_directory = false;
};

// What a thread has found and not handed over yet: each thread works for one walk.
struct Told {
  std::vector<File> files;
  std::uint64_t cost = 0;
};
thread_local Told told_here;

// Somebody who names a file means it, whatever it looks like.
void tell_if_too_large(File& file, std::size_t limit) {
  if (file.stamp.size > limit && file.troubles.empty()) file.troubles.push_back(too_large(file.stamp.size, limit));
}

class Walker {
 public:
  Walker(const Walk& walk, const Passwords& passwords, std::stop_token stop)
      : walk_(walk),
        passwords_(passwords),
        stop_(std::move(stop)),
        excluded_(walk.excluded.begin(), walk.excluded.end()),
        remembers_all_(walk.roots.size() > 1) {}

  Summary run(const std::function<void(File&&)>& see) {
    const unsigned cores = std::clamp(std::thread::hardware_concurrency(), 1U, kMostThreads);
    const unsigned count = walk_.threads > 0 ? static_cast<unsigned>(walk_.threads) : cores;
    const std::stop_callback wake(stop_, [this] { end(); });
    {
      std::vector<std::jthread> threads;
      working_ = 1;  // the roots
      for (unsigned i = 0; i < count; ++i) threads.emplace_back([this] { work(); });
      threads.emplace_back([this] { begin(); });
      try {
        for (std::vector<File> files = results(); !files.empty(); files = results())
          for (File& file : files)
            if (!stop_.stop_requested()) see(std::move(file));
      } catch (...) {
        end();
        throw;
      }
    }
    if (failure_) std::rethrow_exception(failure_);
    return summary();
  }

 private:
  void begin() {
    guarded([this] {
      for (const std::string& root : walk_.roots) {
        if (ended_ || exhausted_) return;
        visit_root(root);
      }
      follow_links();
      hand_over();
    });
    const std::lock_guard lock(mutex_);
    if (--working_ == 0) wake_all();
  }

  // One after the other, so that each run gives what is behind several links the same name.
  void follow_links() {
    std::vector<std::string> roots;
    for (const std::string& root : walk_.roots)
      if (std::string real = real_path(root); !real.empty()) roots.push_back(std::move(real));
    while (!ended_ && !exhausted_) {
      await_idleness();
      std::vector<Link> links;
      {
        const std::lock_guard lock(mutex_);
        links = std::exchange(links_waiting_, {});
      }
      if (links.empty()) return;
      std::ranges::sort(links, {}, &Link::path);
      for (const Link& link : links) {
        if (ended_ || exhausted_) return;
        follow(link, roots);
      }
    }
  }

  void follow(const Link& link, const std::vector<std::string>& roots) {
    const std::string target = real_path(link.path);
    struct stat status {};
    if (target.empty() || ::stat(target.c_str(), &status) != 0) return count(links_);
    // What lies below a root has its own name there, and what a root lies in is more than was asked for.
    const auto any_root = [&](auto holds) { return std::ranges::any_of(roots, holds); };
    const bool is_passed_over = target.find(fmt::format("/{}/", base::kOwnDirectory)) != std::string::npos;
    if (!is_passed_over && any_root([&](const std::string& root) { return base::is_at_or_below(target, root); })) {
      if (S_ISREG(status.st_mode)) count(repeated_);
      return;
    }
    if (any_root([&](const std::string& root) { return base::is_at_or_below(root, target); })) return count(links_);
    if (walk_.devices == Devices::of_the_root && status.st_dev != link.root_device) return count(other_devices_);
    if (S_ISREG(status.st_mode)) {
      if (!is_new(status)) return count(repeated_);
      look({AT_FDCWD, link.path, 0}, link.path, status);
    } else if (S_ISDIR(status.st_mode)) {
      Folder here;
      here.path = link.path;
      here.device = here.root_device = link.root_device;
      here.depth = link.depth + 1;
      here.is_behind_link = true;
      if (is_too_deep(here)) return;
      here.descriptor = open_directory(AT_FDCWD, link.path, 0);
      enter(std::move(here));
      await_idleness();
    } else {
      count(special_);
    }
  }

  // Until nobody but the caller, one of those at work, has something to do.
  void await_idleness() {
    std::unique_lock lock(mutex_);
    idle_wait_.wait(lock, [this] { return ended_ || (working_ == 1 && tasks_.empty()); });
  }

  void work() {
    while (std::optional<Task> task = next_task()) {
      guarded([&] {
        run_task(*task);
        hand_over();
      });
      task.reset();
      const std::lock_guard lock(mutex_);
      if (--working_ <= 1 && tasks_.empty()) wake_all();
    }
  }

  template <class Work>
  void guarded(Work&& work) {
    try {
      work();
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
      ended_ = true;
      wake_all();
    }
  }

  std::optional<Task> next_task() {
    std::unique_lock lock(mutex_);
    tasks_wait_.wait(lock, [this] { return ended_ || !tasks_.empty() || working_ == 0; });
    if (ended_ || tasks_.empty()) return std::nullopt;
    std::optional<Task> task(std::move(tasks_.back()));
    tasks_.pop_back();
    ++working_;
    return task;
  }

  // Leaves it to another thread, or does it now where too much waits.
  void add(Task task) {
    {
      const std::lock_guard lock(mutex_);
      if (tasks_.size() < kMostTasks) {
        tasks_.push_back(std::move(task));
        tasks_wait_.notify_one();
        return;
      }
    }
    run_task(task);
  }

  void run_task(const Task& task) {
    if (task.is_directory) return enter(*task.parent, task.names.front());
    for (const std::string& name : task.names) {
      if (ended_ || exhausted_) return;
      visit_file(*task.parent, name);
    }
  }

  void end() {
    const std::lock_guard lock(mutex_);
    is_whole_ = false;
    ended_ = true;
    wake_all();
  }

  void wake_all() {
    tasks_wait_.notify_all();
    results_wait_.notify_all();
    room_wait_.notify_all();
    idle_wait_.notify_all();
  }

  // Empty: there are no more.
  std::vector<File> results() {
    std::unique_lock lock(mutex_);
    results_wait_.wait(lock, [this] { return ended_ || !results_.empty() || (working_ == 0 && tasks_.empty()); });
    if (ended_ && stop_.stop_requested()) return {};
    waiting_ = 0;
    room_wait_.notify_all();
    return std::exchange(results_, {});
  }

  static std::uint64_t cost_of(const File& file) noexcept {
    return kResultCost + (file.certificates.empty() ? 0 : file.stamp.size);
  }

  void tell(File&& file) {
    certificates_ += file.certificates.size();
    troubles_ += file.troubles.size();
    told_here.cost += cost_of(file);
    told_here.files.push_back(std::move(file));
    if (told_here.cost >= kMostTold) hand_over();
  }

  void hand_over() {
    Told told = std::exchange(told_here, {});
    if (told.files.empty()) return;
    std::unique_lock lock(mutex_);
    room_wait_.wait(lock, [this] { return ended_ || waiting_ < kMostWaiting; });
    if (ended_) return;
    waiting_ += told.cost;
    std::ranges::move(told.files, std::back_inserter(results_));
    results_wait_.notify_one();
  }

  void tell_trouble(const std::string& path, Reason reason, const std::string& what) {
    File file;
    file.path = path;
    file.troubles.push_back({reason, base::printable(what)});
    tell(std::move(file));
  }

  bool is_new(const struct stat& status) {
    const std::lock_guard lock(seen_mutex_);
    return seen_.emplace(status.st_dev, status.st_ino).second;
  }

  void visit_root(std::string path) {
    while (path.size() > 1 && path.ends_with('/')) path.pop_back();
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0)
      return tell_trouble(path, errno == ENOENT || errno == ENOTDIR ? Reason::not_found : Reason::unreadable,
                          base::errno_text(errno));
    if (S_ISDIR(status.st_mode)) {
      Folder here;
      here.path = path;
      here.device = here.root_device = status.st_dev;
      here.descriptor = open_directory(AT_FDCWD, path, 0);
      return enter(std::move(here));
    }
    if (!S_ISREG(status.st_mode)) return tell_trouble(path, Reason::not_regular, "it is not a regular file");
    if (!is_new(status)) return count(repeated_);
    look({AT_FDCWD, path, 0}, path, status, Named::by_caller);
  }

  static base::FileDescriptor open_file(int parent, const std::string& name) {
    return base::FileDescriptor(
        base::retried([&] { return ::openat(parent, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC); }));
  }

  static base::FileDescriptor open_directory(int parent, const std::string& name, int link_flag) {
    return base::FileDescriptor(base::retried(
        [&] { return ::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC | link_flag); }));
  }

  bool is_too_deep(const Folder& folder) {
    if (folder.depth <= walk_.limits.depth) return false;
    tell_trouble(folder.path, Reason::too_deep,
                 fmt::format("directories more than {} levels deep are not entered", walk_.limits.depth));
    return true;
  }

  void enter(const Folder& parent, const std::string& name) {
    Folder here;
    here.path = parent.below(name);
    here.root_device = parent.root_device;
    here.device = parent.device;
    here.depth = parent.depth + 1;
    here.is_behind_link = parent.is_behind_link;
    if (is_too_deep(here)) return;
    here.descriptor = open_directory(parent.descriptor.get(), name, O_NOFOLLOW);
    enter(std::move(here));
  }

  void enter(Folder&& here) {
    struct stat status {};
    if (!here.descriptor || ::fstat(here.descriptor.get(), &status) != 0) {
      if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP) return;  // it became something else meanwhile
      return tell_trouble(here.path, Reason::unreadable, base::errno_text(errno));
    }
    const bool is_elsewhere = status.st_dev != here.root_device;
    if (is_elsewhere && walk_.devices == Devices::of_the_root) return count(other_devices_);
    if ((here.depth == 0 || status.st_dev != here.device) && is_kernels(here.descriptor.get()))
      return count(other_devices_);
    if (!is_new(status)) return;
    here.device = status.st_dev;
    count(directories_);
    const int copy = ::fcntl(here.descriptor.get(), F_DUPFD_CLOEXEC, 0);
    const DirectoryStream stream(copy >= 0 ? ::fdopendir(copy) : nullptr);
    if (!stream) {
      const int code = errno;
      if (copy >= 0) ::close(copy);
      return tell_trouble(here.path, Reason::unreadable, base::errno_text(code));
    }
    list(stream.get(), std::make_shared<const Folder>(std::move(here)));
  }

  void list(DIR* stream, const SharedFolder& here) {
    std::vector<std::string> files, links;
    const auto flush = [&] {
      if (!files.empty()) add({here, std::exchange(files, {}), false});
    };
    for (;;) {
      if (ended_ || exhausted_) return;
      errno = 0;
      const dirent* const entry = ::readdir(stream);
      if (entry == nullptr) break;
      std::string name = entry->d_name;
      if (name == "." || name == ".." || (!excluded_.empty() && excluded_.contains(here->below(name)))) continue;
      switch (kind_of(*here, name, entry->d_type)) {
        case DT_DIR:
          if (name == base::kOwnDirectory && walk_.links == Links::follow) break;
          add({here, {std::move(name)}, true});
          break;
        case DT_REG:
          files.push_back(std::move(name));
          if (files.size() == kBatch) flush();
          break;
        case DT_LNK:
          links.push_back(std::move(name));
          break;
        case DT_UNKNOWN:  // gone meanwhile
          break;
        default:
          count(special_);
          if (is_container_name(name)) tell_trouble(here->below(name), Reason::not_regular, "it is not a regular file");
      }
    }
    if (errno != 0) tell_trouble(here->path, Reason::unreadable, base::errno_text(errno));
    flush();
    keep(*here, links);
  }

  // Of a directory that OpenSSL searches by hash the links lead to CA certificates, which are judged where they lie.
  void keep(const Folder& here, const std::vector<std::string>& links) {
    const std::lock_guard lock(mutex_);
    const bool follows = walk_.links == Links::follow && std::ranges::none_of(links, is_hash_name);
    for (const std::string& name : links)
      if (follows && links_waiting_.size() < kMostLinks)
        links_waiting_.push_back({here.below(name), here.root_device, here.depth});
      else
        count(links_);
  }

  // What readdir says, looked at where that is nothing.
  static unsigned char kind_of(const Folder& here, const std::string& name, unsigned char told) {
    if (told != DT_UNKNOWN) return told;
    struct stat status {};
    if (::fstatat(here.descriptor.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return DT_UNKNOWN;
    return static_cast<unsigned char>(IFTODT(status.st_mode));
  }

  void visit_file(const Folder& here, const std::string& name) {
    struct stat status {};
    // Where none is known each is opened, and what is open is looked at without finding it once more.
    base::FileDescriptor file;
    if (!walk_.known) file = open_file(here.descriptor.get(), name);
    const int failed = file ? ::fstat(file.get(), &status)
                            : ::fstatat(here.descriptor.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW);
    if (failed != 0) {
      if (errno != ENOENT) tell_trouble(here.below(name), Reason::unreadable, base::errno_text(errno));
      return;
    }
    if (!S_ISREG(status.st_mode)) return;  // it became something else meanwhile
    if (status.st_dev != here.root_device && walk_.devices == Devices::of_the_root) return count(other_devices_);
    if ((remembers_all_ || here.is_behind_link || status.st_nlink > 1) && !is_new(status)) return count(repeated_);
    look({here.descriptor.get(), name, O_NOFOLLOW, std::move(file)}, here.below(name), status);
  }

  enum class Named { by_its_directory, by_caller };

  // By name or, where it is open, by that.
  struct Where {
    int directory;
    const std::string& name;
    int link_flag;
    base::FileDescriptor open{};
  };

  void look(const Where& where, const std::string& path, const struct stat& status,
            Named named = Named::by_its_directory) {
    if (number_of(files_) > walk_.limits.files) {
      if (!exhausted_.exchange(true))
        tell_trouble(path, Reason::too_many_files,
                     fmt::format("the walk ended here, after {} files", walk_.limits.files));
      return;
    }
    File file;
    file.path = path;
    file.stamp = stamp_of(status);
    const bool is_told = named == Named::by_caller && file.stamp.size > walk_.limits.file_size;
    if (walk_.known && !is_told && walk_.known(path, file.stamp)) {
      file.unchanged = true;
      count(unchanged_);
    } else {
      count(read_);
      if (where.open)
        read_file(where.open.get(), walk_.limits.file_size, passwords_, file);
      else
        read_file_at(where.directory, where.name, where.link_flag, walk_.limits.file_size, passwords_, file);
      if (named == Named::by_caller) tell_if_too_large(file, walk_.limits.file_size);
    }
    tell(std::move(file));
  }

  // Of the one that is counted now.
  static std::uint64_t number_of(std::atomic<std::uint64_t>& counter) { return counter.fetch_add(1) + 1; }
  static void count(std::atomic<std::uint64_t>& counter) { counter.fetch_add(1, std::memory_order_relaxed); }

  Summary summary() const {
    return {std::min<std::uint64_t>(files_, walk_.limits.files),
            read_,
            unchanged_,
            repeated_,
            special_,
            links_,
            other_devices_,
            directories_,
            certificates_,
            troubles_,
            is_whole_ && !exhausted_};
  }

  const Walk& walk_;
  const Passwords& passwords_;
  const std::stop_token stop_;
  const std::set<std::string> excluded_;
  const bool remembers_all_;  // of files too, else only of what has several names

  std::mutex mutex_;
  std::condition_variable tasks_wait_, results_wait_, room_wait_, idle_wait_;
  std::vector<Task> tasks_;  // the newest is done first, so that few directories are open at once
  std::vector<Link> links_waiting_;
  std::vector<File> results_;
  std::uint64_t waiting_ = 0;  // cost of the results
  int working_ = 0;            // threads that may still add tasks
  std::exception_ptr failure_;
  std::atomic<bool> ended_ = false;
  std::atomic<bool> is_whole_ = true;
  std::atomic<bool> exhausted_ = false;

  std::mutex seen_mutex_;
  std::set<std::pair<dev_t, ino_t>> seen_;

  std::atomic<std::uint64_t> files_ = 0, read_ = 0, unchanged_ = 0, repeated_ = 0, special_ = 0, links_ = 0,
                             other_devices_ = 0, directories_ = 0, certificates_ = 0, troubles_ = 0;
};

}  // namespace

std::string passed_over(const Summary& summary) {
  std::vector<std::string> parts;
  if (summary.links > 0)
    parts.push_back(fmt::format("{} symbolic link{}", summary.links, summary.links == 1 ? "" : "s"));
  if (summary.other_devices > 0)
    parts.push_back(fmt::format("{} path{} on other devices or of the kernel's", summary.other_devices,
                                summary.other_devices == 1 ? "" : "s"));
  return base::join(parts, ", ");
}

Summary walk(const Walk& walk, const Passwords& passwords, const std::function<void(File&&)>& see,
             std::stop_token stop) {
  return Walker(walk, passwords, std::move(stop)).run(see);
}

File look_at_file(const std::string& path, const Passwords& passwords, const Limits& limits) {
  File file;
  file.path = path;
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    const bool is_absent = errno == ENOENT || errno == ENOTDIR;
    file.troubles.push_back({is_absent ? Reason::not_found : Reason::unreadable, base::errno_text(errno)});
  } else if (!S_ISREG(status.st_mode)) {
    file.troubles.push_back({Reason::not_regular, "it is not a regular file"});
  } else {
    read_file_at(AT_FDCWD, path, 0, limits.file_size, passwords, file);
    tell_if_too_large(file, limits.file_size);
  }
  return file;
}

}  // namespace everseal::discover
