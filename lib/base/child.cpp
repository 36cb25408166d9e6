#include "base/child.h"

#include <cerrno>
#include <climits>
#include <csignal>

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace everseal::base {
namespace {

constexpr unsigned kCloseOnExec = 4;  // CLOSE_RANGE_CLOEXEC, since Linux 5.11

// On 32-bit machines the calls without "32" take 16-bit ids, and would cut larger ones.
#ifdef SYS_setresuid32
constexpr long kSetGroups = SYS_setgroups32;
constexpr long kSetGroup = SYS_setresgid32;
constexpr long kSetUser = SYS_setresuid32;
#else
constexpr long kSetGroups = SYS_setgroups;
constexpr long kSetGroup = SYS_setresgid;
constexpr long kSetUser = SYS_setresuid;
#endif

[[noreturn]] void fail_child(int report, ChildFailure::Step step) {
  const ChildFailure failure{step, errno};
  if (::write(report, &failure, sizeof failure) < 0) ::_exit(126);
  ::_exit(127);
}

}  // namespace

void become(const ChildPlan& plan) {
  // No controlling terminal, into which a program with fewer rights could type what the shell then runs (TIOCSTI).
  ::setsid();
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &standard, nullptr);
  if (::dup2(plan.input, 0) < 0 || ::dup2(plan.output, 1) < 0 || ::dup2(plan.errors, 2) < 0)
    fail_child(plan.report, ChildFailure::Step::descriptors);
  // Whatever a library opened without O_CLOEXEC; the report pipe must stay open until the exec.
  if (::syscall(SYS_close_range, 3U, UINT_MAX, kCloseOnExec) != 0)
    for (int fd = 3; fd < plan.highest_descriptor; ++fd) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  if (plan.account) {
    // The raw calls: glibc's wrappers signal the other threads, which the child does not have.
    const Account& account = *plan.account;
    if (::syscall(kSetGroups, account.groups.size(), account.groups.data()) != 0 ||
        ::syscall(kSetGroup, account.group, account.group, account.group) != 0 ||
        ::syscall(kSetUser, account.user, account.user, account.user) != 0)
      fail_child(plan.report, ChildFailure::Step::user);
  }
  if (plan.core) ::setrlimit(RLIMIT_CORE, &*plan.core);
  if (::chdir(plan.directory.c_str()) != 0) fail_child(plan.report, ChildFailure::Step::directory);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(plan.program.c_str(), plan.argv.data(), plan.envp.data());
  fail_child(plan.report, ChildFailure::Step::exec);
}

}  // namespace everseal::base
