#include "base/process.h"

#include "base/child.h"
#include "base/command.h"
#include "base/error.h"
#include "base/handle.h"
#include "base/kin.h"
#include "base/log.h"
#include "base/memory_file.h"
#include "base/text.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace everseal::base {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kGrace{1000};   // between SIGTERM and SIGKILL
constexpr milliseconds kDrain{200};    // for what a program wrote before it ended
constexpr milliseconds kGiveUp{2000};  // for the kernel to end what was killed

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
  FileDescriptor memory = above_standard(memory_file("input", bytes));
  if (!memory) throw errno_error("make", "a file in memory");
  return memory;
}

// What is kept of a stream that is longer than its limit.
enum class Keep { first, last };

// Takes in what is there; false once the other end is closed.
bool drain(int fd, std::string* kept, std::size_t limit, Keep keep, bool& truncated) {
  std::array<char, 64 * 1024> buffer;
  const ssize_t count = ::read(fd, buffer.data(), buffer.size());
  if (count < 0) return errno == EAGAIN || errno == EINTR;
  const std::size_t room = limit - std::min(limit, kept->size());
  if (static_cast<std::size_t>(count) > room) truncated = true;
  kept->append(buffer.data(),
               keep == Keep::last ? static_cast<std::size_t>(count) : std::min(room, static_cast<std::size_t>(count)));
  if (kept->size() > limit) kept->erase(0, kept->size() - limit);
  return count > 0;
}

// The soft limit that this process began with, for the programs that it starts.
std::optional<rlimit> core_before;

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
  void start(ChildPlan& plan);
  void wait(Exit& exit);
  bool has_ended();
  std::string reported_failure() const;

  const Command& command_;
  std::stop_token stop_;
  FileDescriptor wake_;  // the stop token's
  Pipe output_, errors_, report_;
  pid_t process_ = -1;
  std::optional<Kin> kin_;
  FileDescriptor process_fd_;
  int status_ = 0;
};

void Child::start(ChildPlan& plan) {
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);  // no handler of ours runs in the child
  process_ = ::fork();
  if (process_ == 0) become(plan);
  const int code = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = code;
  if (process_ < 0) throw errno_error("start", "a process");
  kin_.emplace(process_);
  process_fd_ = FileDescriptor(static_cast<int>(::syscall(SYS_pidfd_open, process_, 0)));
}

// The zombie stays, and keeps its group's number from being given to others.
bool Child::has_ended() {
  siginfo_t info{};
  if (::waitid(P_PID, static_cast<id_t>(process_), &info, WEXITED | WNOHANG | WNOWAIT) != 0) return errno != EINTR;
  return info.si_pid == process_;
}

std::string Child::reported_failure() const {
  ChildFailure failure{};
  if (::read(report_.read_end.get(), &failure, sizeof failure) != static_cast<ssize_t>(sizeof failure)) return {};
  const std::string why = errno_text(failure.code);
  switch (failure.step) {
    case ChildFailure::Step::descriptors:
      return fmt::format("its descriptors: {}", why);
    case ChildFailure::Step::directory:
      return fmt::format("directory {}: {}", command_.directory, why);
    case ChildFailure::Step::user:
      return fmt::format("user {}: {}", command_.user.value_or(""), why);
    case ChildFailure::Step::exec:
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
    kin_->signal(SIGTERM);
    kin_->signal(SIGCONT);  // a stopped one hears it too
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
        kin_->signal(SIGKILL);
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

    if (output.fd >= 0 && output.revents != 0 &&
        !drain(output.fd, &exit.output, command_.output_limit, Keep::first, exit.truncated))
      output.fd = -1;
    if (errors.fd >= 0 && errors.revents != 0 &&
        !drain(errors.fd, &exit.errors, command_.output_limit, Keep::last, exit.truncated))
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
    if (stopped_by_us) kin_->signal(SIGKILL);
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
                                           : fmt::format("there is no program '{}' in {}", name, kProgramPath));
  }
  ChildPlan plan;
  plan.program = *program;
  plan.directory = command_.directory;
  if (command_.user) {
    try {
      plan.account = find_account(*command_.user);
    } catch (const Error& error) {
      return not_started(error.message());
    }
    if (!plan.account) return not_started(fmt::format("this system has no user '{}'", *command_.user));
  }
  plan.environment = environment_of(command_, plan.account);
  for (const std::string& word : command_.argv) plan.argv.push_back(const_cast<char*>(word.c_str()));
  for (std::string& line : plan.environment) plan.envp.push_back(line.data());
  plan.argv.push_back(nullptr);
  plan.envp.push_back(nullptr);
  if (const long most = ::sysconf(_SC_OPEN_MAX); most > 0)
    plan.highest_descriptor = static_cast<int>(std::min(most, 1L << 20));
  plan.core = core_before;
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

}  // namespace

void keep_memory_private() noexcept {
  rlimit core{};
  if (::getrlimit(RLIMIT_CORE, &core) == 0) {
    core_before = core;
    core.rlim_cur = 0;
    ::setrlimit(RLIMIT_CORE, &core);
  }
  // Also against collectors of core files, which are not bound by the limit.
  ::prctl(PR_SET_DUMPABLE, 0);
}

Exit run(const Command& command, std::stop_token stop) {
  log::info("running {}", join(command.argv, " "));
  Exit exit = Child(command, std::move(stop)).run();
  log::debug("{} {}", command.argv.empty() ? std::string() : command.argv.front(), describe(exit));
  for (const std::string_view output : {std::string_view(exit.output), std::string_view(exit.errors)})
    if (!output.empty()) log::debug("{}", output);
  return exit;
}

}  // namespace everseal::base
