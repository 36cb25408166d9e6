#include "base/process.h"

#include "base/error.h"
#include "base/file.h"
#include "base/handle.h"
#include "base/text.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace everseal::base {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::string_view kPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr milliseconds kGrace{1000};   // between SIGTERM and SIGKILL
constexpr milliseconds kDrain{200};    // for what a program wrote before it ended
constexpr milliseconds kGiveUp{2000};  // for the kernel to end what was killed
constexpr unsigned kCloseOnExec = 4;   // CLOSE_RANGE_CLOEXEC, since Linux 5.11

struct Account {
  uid_t user = 0;
  gid_t group = 0;
  std::vector<gid_t> groups;
  std::string home;
};

// All that the child needs, ready before the fork.
struct Plan {
  std::string program;
  std::vector<std::string> environment;
  std::vector<char*> argv;
  std::vector<char*> envp;
  std::optional<Account> account;
  std::string directory;
  int input = -1;
  int output = -1;
  int errors = -1;
  int report = -1;
  int highest_descriptor = 1024;
};

// Where the child failed; written through a pipe that a successful exec closes.
struct Failure {
  enum class Step : int { descriptors, directory, user, exec };
  Step step;
  int code;
};

[[noreturn]] void fail_child(int report, Failure::Step step) {
  const Failure failure{step, errno};
  if (::write(report, &failure, sizeof failure) < 0) ::_exit(126);
  ::_exit(127);
}

// Between fork and exec: async-signal-safe calls only, no allocation, no locks.
[[noreturn]] void become(const Plan& plan) {
  ::setpgid(0, 0);
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &standard, nullptr);
  if (::dup2(plan.input, 0) < 0 || ::dup2(plan.output, 1) < 0 || ::dup2(plan.errors, 2) < 0)
    fail_child(plan.report, Failure::Step::descriptors);
  // Whatever a library opened without O_CLOEXEC; the report pipe must stay open until the exec.
  if (::syscall(SYS_close_range, 3U, UINT_MAX, kCloseOnExec) != 0)
    for (int fd = 3; fd < plan.highest_descriptor; ++fd) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  if (plan.account) {
    // The raw calls: glibc's wrappers signal the other threads, which the child does not have.
    const Account& account = *plan.account;
    if (::syscall(SYS_setgroups, account.groups.size(), account.groups.data()) != 0 ||
        ::syscall(SYS_setresgid, account.group, account.group, account.group) != 0 ||
        ::syscall(SYS_setresuid, account.user, account.user, account.user) != 0)
      fail_child(plan.report, Failure::Step::user);
  }
  if (::chdir(plan.directory.c_str()) != 0) fail_child(plan.report, Failure::Step::directory);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(plan.program.c_str(), plan.argv.data(), plan.envp.data());
  fail_child(plan.report, Failure::Step::exec);
}

bool has_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

void require_usable(const Command& command) {
  const auto refuse = [](std::string message) { return Error(Fault::invalid, std::move(message)); };
  if (command.argv.empty() || command.argv.front().empty()) throw refuse("a command needs the name of a program");
  if (std::ranges::any_of(command.argv, has_nul)) throw refuse("an argument of a command holds a NUL");
  const std::string& program = command.argv.front();
  if (program.find('/') != std::string::npos && program.front() != '/')
    throw Error(Fault::invalid, fmt::format("cannot run '{}': a relative path", printable(program)),
                "name the program, or write its path from the root");
  for (const auto& [name, value] : command.environment) {
    if (name.empty() || name.find('=') != std::string::npos || has_nul(name))
      throw refuse(fmt::format("'{}' cannot name an environment variable", printable(name)));
    // The value may be a secret by mistake, so it is not shown.
    if (has_nul(value)) throw refuse(fmt::format("the environment variable {} holds a NUL", printable(name)));
  }
  if (has_nul(command.directory) || command.directory.empty()) throw refuse("a command needs a directory to run in");
  if (command.user && has_nul(*command.user)) throw refuse("the user of a command holds a NUL");
}

std::optional<Account> find_account(const std::string& name) {
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> buffer(16 * 1024);
  ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr) return std::nullopt;
  Account account{found->pw_uid, found->pw_gid, std::vector<gid_t>(64), found->pw_dir};
  int count = static_cast<int>(account.groups.size());
  while (::getgrouplist(name.c_str(), account.group, account.groups.data(), &count) < 0) {
    account.groups.resize(std::max(static_cast<std::size_t>(count), account.groups.size() * 2));
    count = static_cast<int>(account.groups.size());
  }
  account.groups.resize(static_cast<std::size_t>(count));
  return account;
}

std::vector<std::string> environment_of(const Command& command, const std::optional<Account>& account) {
  std::vector<std::pair<std::string, std::string>> variables{{"PATH", std::string(kPath)}};
  for (const char* const name : {"HOME", "LANG", "TZ"})
    if (const char* const value = std::getenv(name); value != nullptr) variables.emplace_back(name, value);
  const auto set = [&variables](const std::string& name, const std::string& value) {
    const auto same = std::ranges::find(variables, name, &std::pair<std::string, std::string>::first);
    if (same == variables.end())
      variables.emplace_back(name, value);
    else
      same->second = value;
  };
  if (account) set("HOME", account->home);
  for (const auto& [name, value] : command.environment) set(name, value);
  std::vector<std::string> lines;
  for (const auto& [name, value] : variables) lines.push_back(name + "=" + value);
  return lines;
}

// Above 2, so that the child's dup2 onto 0 to 2 overwrites none of them.
FileDescriptor above_standard(FileDescriptor fd) {
  if (!fd || fd.get() > 2) return fd;
  return FileDescriptor(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 3));
}

struct Pipe {
  FileDescriptor read_end, write_end;
};

Pipe make_pipe() {
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw errno_error("make", "a pipe");
  Pipe pipe{FileDescriptor(ends[0]), FileDescriptor(ends[1])};
  pipe.read_end = above_standard(std::move(pipe.read_end));
  pipe.write_end = above_standard(std::move(pipe.write_end));
  if (!pipe.read_end || !pipe.write_end || ::fcntl(pipe.read_end.get(), F_SETFL, O_NONBLOCK) != 0)
    throw errno_error("make", "a pipe");
  return pipe;
}

// Standard input as a file in memory: of any size, nothing to feed while the program runs, and no SIGPIPE when it ends
// without reading.
FileDescriptor make_input(BytesView bytes) {
  if (bytes.empty()) {
    FileDescriptor null = above_standard(FileDescriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC)));
    if (!null) throw errno_error("open", "/dev/null");
    return null;
  }
  constexpr unsigned kNoExec = 8;  // MFD_NOEXEC_SEAL, since Linux 6.3
  int fd = ::memfd_create("input", MFD_CLOEXEC | kNoExec);
  if (fd < 0 && errno == EINVAL) fd = ::memfd_create("input", MFD_CLOEXEC);
  FileDescriptor memory = above_standard(FileDescriptor(fd));
  if (!memory) throw errno_error("make", "a file in memory");
  while (!bytes.empty()) {
    const ssize_t count = ::write(memory.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw errno_error("write", "a file in memory");
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  if (::lseek(memory.get(), 0, SEEK_SET) != 0) throw errno_error("rewind", "a file in memory");
  return memory;
}

// Takes in what is there; false once the other end is closed.
bool drain(int fd, std::string* keep, std::size_t limit, bool& truncated) {
  std::array<char, 64 * 1024> buffer;
  const ssize_t count = ::read(fd, buffer.data(), buffer.size());
  if (count < 0) return errno == EAGAIN || errno == EINTR;
  const std::size_t room = limit - std::min(limit, keep->size());
  keep->append(buffer.data(), std::min(room, static_cast<std::size_t>(count)));
  if (static_cast<std::size_t>(count) > room) truncated = true;
  return count > 0;
}

// A started program until its end.
class Child {
 public:
  Child(const Command& command, std::stop_token stop) : command_(command), stop_(std::move(stop)) {}
  Exit run();

 private:
  Exit not_started(std::string why) const {
    Exit exit;
    exit.errors = std::move(why);
    return exit;
  }
  void start(Plan& plan);
  void wait(Exit& exit);
  bool has_ended();
  void kill_group(int signal) const { ::kill(-process_, signal); }
  std::string reported_failure() const;

  const Command& command_;
  std::stop_token stop_;
  FileDescriptor wake_;  // the stop token's
  Pipe output_, errors_, report_;
  pid_t process_ = -1;
  FileDescriptor process_fd_;
  int status_ = 0;
};

void Child::start(Plan& plan) {
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);  // no handler of ours runs in the child
  process_ = ::fork();
  if (process_ == 0) become(plan);
  const int code = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = code;
  if (process_ < 0) throw errno_error("start", "a process");
  ::setpgid(process_, process_);  // both sides do, so that neither is too late
  process_fd_ = FileDescriptor(static_cast<int>(::syscall(SYS_pidfd_open, process_, 0)));
}

// The zombie stays, and keeps its group's number from being given to others.
bool Child::has_ended() {
  siginfo_t info{};
  if (::waitid(P_PID, static_cast<id_t>(process_), &info, WEXITED | WNOHANG | WNOWAIT) != 0) return errno != EINTR;
  return info.si_pid == process_;
}

std::string Child::reported_failure() const {
  Failure failure{};
  if (::read(report_.read_end.get(), &failure, sizeof failure) != static_cast<ssize_t>(sizeof failure)) return {};
  const std::string why = errno_text(failure.code);
  switch (failure.step) {
    case Failure::Step::descriptors:
      return fmt::format("its descriptors: {}", why);
    case Failure::Step::directory:
      return fmt::format("directory {}: {}", command_.directory, why);
    case Failure::Step::user:
      return fmt::format("user {}: {}", command_.user.value_or(""), why);
    case Failure::Step::exec:
      return fmt::format("{}: {}", command_.argv.front(), why);
  }
  return why;
}

void Child::wait(Exit& exit) {
  enum class Phase { running, terminated, killed, ended };
  Phase phase = Phase::running;
  bool stopped_by_us = false;
  Clock::time_point deadline = Clock::now() + std::min<milliseconds>(command_.timeout, std::chrono::hours(24 * 365));
  std::array<pollfd, 4> polled{{{output_.read_end.get(), POLLIN, 0},
                                {errors_.read_end.get(), POLLIN, 0},
                                {process_fd_.get(), POLLIN, 0},
                                {wake_.get(), POLLIN, 0}}};
  pollfd& output = polled[0];
  pollfd& errors = polled[1];
  pollfd& process = polled[2];
  pollfd& wake = polled[3];
  const auto streams_closed = [&] { return output.fd < 0 && errors.fd < 0; };
  const auto terminate = [&](Exit::How how) {
    exit.how = how;
    stopped_by_us = true;
    kill_group(SIGTERM);
    kill_group(SIGCONT);  // a stopped one hears it too
    phase = Phase::terminated;
    deadline = Clock::now() + kGrace;
    wake.fd = -1;
  };

  for (;;) {
    const auto now = Clock::now();
    if (now >= deadline) {
      if (phase == Phase::running) {
        terminate(Exit::How::timed_out);
      } else if (phase == Phase::terminated) {
        kill_group(SIGKILL);
        phase = Phase::killed;
        deadline = now + kGiveUp;
      } else {
        return;  // drained long enough, or the kernel does not let go of it
      }
      continue;
    }
    auto patience = std::chrono::ceil<milliseconds>(deadline - now);
    if (!process_fd_) patience = std::min(patience, milliseconds(10));  // a kernel without pidfd_open
    const int timeout = static_cast<int>(std::min<milliseconds::rep>(patience.count(), INT_MAX));
    if (::poll(polled.data(), polled.size(), timeout) < 0 && errno != EINTR) return;

    if (output.fd >= 0 && output.revents != 0 && !drain(output.fd, &exit.output, command_.output_limit, exit.truncated))
      output.fd = -1;
    if (errors.fd >= 0 && errors.revents != 0 && !drain(errors.fd, &exit.errors, command_.output_limit, exit.truncated))
      errors.fd = -1;
    if (wake.fd >= 0 && wake.revents != 0 && phase == Phase::running) terminate(Exit::How::cancelled);
    if (phase == Phase::ended) {
      if (streams_closed()) return;
      continue;
    }
    if ((process_fd_ && process.revents == 0) || !has_ended()) continue;
    // It has ended. After a time-out the rest of its group gets its second, unless nobody holds a stream any more.
    process.fd = -1;
    if (phase == Phase::terminated && !streams_closed()) {
      if (process_fd_) process_fd_.reset();  // from here on only the streams and the clock matter
      continue;
    }
    if (stopped_by_us) kill_group(SIGKILL);
    phase = Phase::ended;
    deadline = Clock::now() + kDrain;
    wake.fd = -1;
    if (streams_closed()) return;
  }
}

Exit Child::run() {
  require_usable(command_);
  const std::string& name = command_.argv.front();
  const auto program = find_executable(name);
  if (!program) {
    return not_started(name.front() == '/' ? fmt::format("{} is not an executable file", name)
                                           : fmt::format("there is no program '{}' in {}", name, kPath));
  }
  Plan plan;
  plan.program = *program;
  plan.directory = command_.directory;
  if (command_.user) {
    plan.account = find_account(*command_.user);
    if (!plan.account) return not_started(fmt::format("this system has no user '{}'", *command_.user));
  }
  plan.environment = environment_of(command_, plan.account);
  for (const std::string& word : command_.argv) plan.argv.push_back(const_cast<char*>(word.c_str()));
  for (std::string& line : plan.environment) plan.envp.push_back(line.data());
  plan.argv.push_back(nullptr);
  plan.envp.push_back(nullptr);
  if (const long most = ::sysconf(_SC_OPEN_MAX); most > 0)
    plan.highest_descriptor = static_cast<int>(std::min(most, 1L << 20));
  if (stop_.stop_requested()) {
    Exit exit;
    exit.how = Exit::How::cancelled;
    return exit;
  }

  Exit exit;
  try {
    const FileDescriptor input = make_input(command_.input);
    output_ = make_pipe();
    errors_ = make_pipe();
    report_ = make_pipe();
    wake_ = FileDescriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake_) throw errno_error("make", "an event descriptor");
    plan.input = input.get();
    plan.output = output_.write_end.get();
    plan.errors = errors_.write_end.get();
    plan.report = report_.write_end.get();
    start(plan);
  } catch (const Error& error) {
    return not_started(error.message());
  }
  output_.write_end.reset();
  errors_.write_end.reset();
  report_.write_end.reset();
  {
    const int wake = wake_.get();
    const std::stop_callback on_stop(stop_, [wake] {
      const std::uint64_t one = 1;
      if (::write(wake, &one, sizeof one) < 0) return;
    });
    wait(exit);
  }
  int status = 0;
  pid_t reaped = 0;
  do reaped = ::waitpid(process_, &status, WNOHANG);
  while (reaped < 0 && errno == EINTR);
  if (const std::string why = reported_failure(); !why.empty()) return not_started(why);
  if (exit.how == Exit::How::timed_out || exit.how == Exit::How::cancelled) {
    const auto allowed = std::clamp<milliseconds::rep>(command_.timeout.count(), 0, INT_MAX);
    exit.status = exit.how == Exit::How::timed_out ? static_cast<int>(allowed) : 0;
    return exit;
  }
  if (reaped != process_) {
    exit.how = Exit::How::exited;
    exit.status = -1;  // somebody else in this process took its status
  } else if (WIFSIGNALED(status)) {
    exit.how = Exit::How::signalled;
    exit.status = WTERMSIG(status);
  } else {
    exit.how = Exit::How::exited;
    exit.status = WEXITSTATUS(status);
  }
  return exit;
}

// The last line that is not blank, made printable and short.
std::string last_line(std::string_view text) {
  constexpr std::size_t kLongest = 300;
  text = trim(text);
  if (const auto line = text.find_last_of("\r\n"); line != std::string_view::npos) text = trim(text.substr(line + 1));
  if (text.size() <= kLongest) return printable(text);
  return printable(text.substr(0, kLongest)) + "...";
}

}  // namespace

std::string describe(const Exit& exit) {
  const std::string line = last_line(exit.errors);
  const std::string because = line.empty() ? std::string() : ": " + line;
  switch (exit.how) {
    case Exit::How::exited:
      return fmt::format("exited with status {}{}", exit.status, because);
    case Exit::How::signalled: {
      const char* const name = ::sigabbrev_np(exit.status);
      return fmt::format("was killed by signal {}{}{}", exit.status,
                         name == nullptr ? "" : fmt::format(" (SIG{})", name), because);
    }
    case Exit::How::timed_out:
      if (exit.status % 1000 != 0)
        return fmt::format("did not end within {} ms and was killed{}", exit.status, because);
      return fmt::format("did not end within {} s and was killed{}", exit.status / 1000, because);
    case Exit::How::cancelled:
      return fmt::format("was stopped before it ended{}", because);
    case Exit::How::not_started:
      return fmt::format("could not be started{}", because);
  }
  return "ended";
}

Exit run(const Command& command, std::stop_token stop) { return Child(command, std::move(stop)).run(); }

std::optional<std::string> find_executable(const std::string& name) {
  const auto is_executable = [](const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
           ::faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) == 0;
  };
  if (name.empty() || has_nul(name)) return std::nullopt;
  if (name.front() == '/') return is_executable(name) ? std::optional(name) : std::nullopt;
  if (name.find('/') != std::string::npos) return std::nullopt;
  for (const std::string& directory : split(kPath, ':'))
    if (std::string path = directory + "/" + name; is_executable(path)) return path;
  return std::nullopt;
}

void require_trusted_executable(const std::string& name) {
  if (::geteuid() != 0) return;
  if (const auto program = find_executable(name)) require_trusted(*program);
}

}  // namespace everseal::base
