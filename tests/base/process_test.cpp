#include "base/process.h"

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "fakes/temporary_directory.h"
#include "skip.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace everseal::base;
using everseal::fakes::TemporaryDirectory;
using std::chrono::milliseconds;

namespace {

// Long enough to tell a program that is waited for from one that is not; short enough for a test to hang on.
constexpr const char* kForever = "60";

Command shell(std::string script) { return {.argv = {"sh", "-c", std::move(script)}}; }

bool is_alive(pid_t process) { return ::kill(process, 0) == 0; }

// True once it is gone, or a zombie that init has yet to reap.
bool ends(pid_t process) {
  const std::string status = "/proc/" + std::to_string(process) + "/status";
  for (int i = 0; i < 500; ++i) {
    try {
      if (as_text(read_file(status, 1 << 16)).find("State:\tZ") != std::string_view::npos) return true;
    } catch (const Error&) {
      return true;
    }
    std::this_thread::sleep_for(milliseconds(10));
  }
  return false;
}

}  // namespace

TEST_CASE("a program's status, output and errors come back") {
  const Exit exit = run(shell("echo out; echo err >&2; exit 7"));
  CHECK(exit.how == Exit::How::exited);
  CHECK(exit.status == 7);
  CHECK(exit.output == "out\n");
  CHECK(exit.errors == "err\n");
  CHECK_FALSE(exit.truncated);
  CHECK_FALSE(exit.success());
  CHECK(describe(exit) == "exited with status 7: err");
  CHECK(run({.argv = {"true"}}).success());
  CHECK(run({.argv = {"/bin/echo", "a b", "$HOME", "*", "", "c\nd"}}).output == "a b $HOME *  c\nd\n");
}

TEST_CASE("a program that a signal ends is told from one that exits") {
  const Exit exit = run(shell("kill -SEGV $$"));
  CHECK(exit.how == Exit::How::signalled);
  CHECK(exit.status == SIGSEGV);
  CHECK(describe(exit) == "was killed by signal 11 (SIGSEGV)");
}

TEST_CASE("what cannot be started is said, and why") {
  const TemporaryDirectory temporary;
  const Directory directory = temporary.open();
  directory.replace("plain", as_bytes("#!/bin/sh\n"), {.mode = 0644});
  directory.replace("dangling", as_bytes("#!/no/such/interpreter\n"), {.mode = 0755});
  directory.replace("garbage", as_bytes("\x01\x02\x03"), {.mode = 0755});
  struct Case {
    Command command;
    std::string because;
  };
  const Case cases[] = {
      {{.argv = {"no-such-program"}}, "there is no program 'no-such-program'"},
      {{.argv = {temporary / "plain"}}, "is not an executable file"},
      {{.argv = {temporary / "none"}}, "is not an executable file"},
      {{.argv = {temporary.path()}}, "is not an executable file"},
      {{.argv = {temporary / "dangling"}}, "no such file or directory"},
      {{.argv = {temporary / "garbage"}}, "exec format error"},
      {{.argv = {"true"}, .directory = temporary / "none"}, "no such file or directory"},
      {{.argv = {"true"}, .user = "no such user"}, "this system has no user"},
      {{.argv = {"true", std::string(4 << 20, 'x')}}, "argument list too long"},
      {{.argv = {"no\x1b[2J"}}, "no\\x1b[2J"},
  };
  for (const auto& [command, because] : cases) {
    CAPTURE(because);
    const Exit exit = run(command);
    CHECK(exit.how == Exit::How::not_started);
    CHECK_FALSE(exit.success());
    CHECK(describe(exit).starts_with("could not be started: "));
    CHECK(describe(exit).find(because) != std::string::npos);
  }
}

TEST_CASE("unusable commands are refused before anything runs") {
  const std::string nul("a\0b", 3);
  const Command cases[] = {
      {.argv = {}},
      {.argv = {""}},
      {.argv = {"./true"}},
      {.argv = {"bin/true"}},
      {.argv = {"true", nul}},
      {.argv = {nul}},
      {.argv = {"true"}, .environment = {{"A", nul}}},
      {.argv = {"true"}, .environment = {{nul, "a"}}},
      {.argv = {"true"}, .environment = {{"", "a"}}},
      {.argv = {"true"}, .environment = {{"A=B", "a"}}},
      {.argv = {"true"}, .environment = {{"A", std::string(kLongestVariable - 1, 'a')}}},
      {.argv = {"true"}, .directory = ""},
      {.argv = {"true"}, .directory = nul},
  };
  for (const Command& command : cases) {
    try {
      run(command);
      FAIL_CHECK("ran");
    } catch (const Error& error) {
      CHECK(error.fault() == Fault::invalid);
    }
  }
}

TEST_CASE("only the listed variables reach a program") {
  ::setenv("EVERSEAL_TEST_SECRET", "leaked", 1);
  ::setenv("LD_LIBRARY_PATH", "/leaked", 1);
  ::setenv("PATH", "/leaked:/usr/bin:/bin", 1);
  ::setenv("TZ", "UTC", 1);
  Command command{.argv = {"env"},
                  .environment = {{"EVERSEAL_NAME", "www"}, {"LANG", "C"}, {"TWO", "1"}, {"TWO", "2"}}};
  const std::string output = run(command).output;
  CHECK(output.find("leaked") == std::string::npos);
  std::vector<std::string> names;
  for (const std::string& line : split(output, '\n'))
    if (!line.empty()) names.push_back(line.substr(0, line.find('=')));
  std::ranges::sort(names);
  std::erase(names, "HOME");  // absent where the test runs without one
  CHECK(names == std::vector<std::string>{"EVERSEAL_NAME", "LANG", "PATH", "TWO", "TZ"});
  CHECK(output.find("EVERSEAL_NAME=www\n") != std::string::npos);
  CHECK(output.find("LANG=C\n") != std::string::npos);
  CHECK(output.find("TWO=2\n") != std::string::npos);
  ::unsetenv("EVERSEAL_TEST_SECRET");
  ::unsetenv("LD_LIBRARY_PATH");
}

TEST_CASE("no descriptor but the standard ones reaches a program") {
  std::vector<FileDescriptor> leaky;
  for (int i = 0; i < 20; ++i) leaky.emplace_back(::open("/dev/null", O_RDONLY));  // without O_CLOEXEC
  const FileDescriptor high(::fcntl(leaky.front().get(), F_DUPFD, 900));
  // The listing itself opens one more.
  CHECK(run(shell("for f in /proc/self/fd/*; do echo ${f##*/}; done")).output == "0\n1\n2\n3\n");
}

TEST_CASE("a program starts with default signals, an empty mask and a group of its own") {
  ::signal(SIGUSR1, SIG_IGN);
  sigset_t blocked;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
  const std::string output = run({.argv = {"cat", "/proc/self/status"}}).output;
  ::pthread_sigmask(SIG_UNBLOCK, &blocked, nullptr);
  ::signal(SIGUSR1, SIG_DFL);
  for (const char* const line : {"SigBlk:\t0000000000000000\n", "SigIgn:\t0000000000000000\n"})
    CHECK(output.find(line) != std::string::npos);
  const Exit exit = run(shell("set -- $(cat /proc/$$/stat); echo $$ $5; pwd"));
  const auto words = split_words(exit.output);
  REQUIRE(words);
  REQUIRE(words->size() == 3);
  CHECK((*words)[0] == (*words)[1]);
  CHECK((*words)[2] == "/");
}

TEST_CASE("input of any size arrives whole, and an unread one hurts nobody") {
  Bytes input(5'000'000);
  for (std::size_t i = 0; i < input.size(); ++i) input[i] = static_cast<std::uint8_t>(i * 7 + i / 256);
  const Exit exit = run({.argv = {"cat"}, .input = input, .output_limit = 10'000'000});
  CHECK(exit.success());
  CHECK(as_bytes(exit.output).size() == input.size());
  CHECK(std::ranges::equal(as_bytes(exit.output), input));
  CHECK(run({.argv = {"true"}, .input = input}).success());  // SIGPIPE would end this test
  CHECK(run(shell("exec <&-; sleep 0.05; echo done")).output == "done\n");
  CHECK(run({.argv = {"cat", "/dev/stdin"}, .input = to_bytes("by name")}).output == "by name");
  CHECK(run({.argv = {"cat"}}).output.empty());
}

TEST_CASE("a flood is read to its end and kept up to the limit") {
  Command command = shell("head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2; exit 5");
  command.output_limit = 1000;
  const Exit exit = run(command);
  CHECK(exit.status == 5);
  CHECK(exit.output.size() == 1000);
  CHECK(exit.errors.size() == 1000);
  CHECK(exit.truncated);
  Command tail = shell("head -c 3000000 /dev/zero >&2; echo the reason >&2; head -c 2000 /dev/zero; echo no");
  tail.output_limit = 1000;
  const Exit ended = run(tail);
  CHECK(ended.errors.ends_with("the reason\n"));
  CHECK(ended.output.find("no") == std::string::npos);
  CHECK(describe(exit).size() < 2000);
  command = shell("printf 0123456789");
  command.output_limit = 10;
  CHECK_FALSE(run(command).truncated);
  command.output_limit = 9;
  CHECK(run(command).truncated);
}

TEST_CASE("what does not end in time is killed, whatever it does about it") {
  for (const std::string& script : {
           std::string("echo begun; exec sleep ") + kForever,
           std::string("echo begun; trap '' TERM INT HUP; while :; do sleep ") + kForever + "; done",
           std::string("echo begun; kill -STOP $$"),
           std::string("echo begun; yes >&2"),
           std::string("echo begun; sleep ") + kForever + " & wait",
       }) {
    CAPTURE(script);
    Command command = shell(script);
    command.timeout = milliseconds(300);
    const Exit exit = run(command);
    CHECK(exit.how == Exit::How::timed_out);
    CHECK(exit.output == "begun\n");
    CHECK(describe(exit).starts_with("did not end within 300 ms and was killed"));
  }
  CHECK(describe({.how = Exit::How::timed_out, .status = 60'000}) == "did not end within 60 s and was killed");
}

TEST_CASE("the whole group is killed at the time-out") {
  const TemporaryDirectory temporary;
  Command command = shell(std::string("(trap '' TERM; echo $$ >/dev/null; sh -c 'echo $PPID; exec sleep ") + kForever +
                          "') & echo $!; sleep " + kForever);
  command.timeout = milliseconds(300);
  const Exit exit = run(command);
  CHECK(exit.how == Exit::How::timed_out);
  const auto words = split_words(exit.output);
  REQUIRE(words);
  REQUIRE_FALSE(words->empty());
  for (const std::string& word : *words) CHECK(ends(std::stoi(word)));
}

TEST_CASE("the longest variable that the kernel takes is passed on") {
  const std::string value(kLongestVariable - 2, 'a');
  const Exit exit = run({.argv = {"sh", "-c", "printf %s \"$A\" | wc -c"}, .environment = {{"A", value}}});
  CHECK(exit.output == std::to_string(value.size()) + "\n");
}

TEST_CASE("what leaves the group, or the session while its parent lives, is killed at the time-out all the same") {
  // A group of its own; a session of its own; a grandchild of that, whose parent dies of the first signal.
  for (const std::string script : {
           "import os,time\nif os.fork() == 0:\n os.setpgid(0, 0)\n print(os.getpid(), flush=True)\n"
           " time.sleep(60)\nos.wait()",
           "import os,time\np = os.fork()\nif p == 0:\n os.setpgid(0, 0)\n time.sleep(60)\ntime.sleep(0.05)\n"
           "os.setpgid(0, p) if os.getsid(0) != os.getpid() else None\nprint(p, flush=True)\ntime.sleep(60)",
           "import os,time\nif os.fork() == 0:\n os.setsid()\n print(os.getpid(), flush=True)\n time.sleep(60)\n"
           "os.wait()",
           "import os,time,signal\nif os.fork() == 0:\n os.setsid()\n if os.fork() == 0:\n"
           "  signal.signal(signal.SIGTERM, signal.SIG_IGN)\n  print(os.getpid(), flush=True)\n  time.sleep(60)\n"
           " os.wait()\nos.wait()",
       }) {
    CAPTURE(script);
    Command command{.argv = {"python3", "-c", script}};
    command.timeout = milliseconds(1500);
    const Exit exit = run(command);
    if (exit.how == Exit::How::not_started) {
      everseal::skip_test("this needs python3");
      return;
    }
    CHECK(exit.how == Exit::How::timed_out);
    REQUIRE_FALSE(exit.output.empty());
    CHECK(ends(std::stoi(exit.output)));
  }
}

TEST_CASE("a program has no terminal to type into, though its caller has one") {
  const pid_t child = ::fork();
  if (child == 0) {
    ::setsid();
    const int terminal = ::posix_openpt(O_RDWR);  // without O_NOCTTY it would not become one; its other side does
    if (terminal < 0 || ::grantpt(terminal) != 0 || ::unlockpt(terminal) != 0) ::_exit(77);
    const int other = ::open(::ptsname(terminal), O_RDWR);
    if (other < 0 || ::open("/dev/tty", O_RDWR) < 0) ::_exit(77);
    int status = 1;
    try {
      const Exit exit = run({.argv = {"sh", "-c", "(: < /dev/tty) && echo has one; ps -o sid= -p $$; echo $$"}});
      const auto words = split_words(exit.output);
      status = words && words->size() == 2 && (*words)[0] == (*words)[1] ? 0 : 2;
    } catch (...) {
      status = 3;
    }
    ::_exit(status);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  if (WEXITSTATUS(status) == 77) {
    everseal::skip_test("this needs a pseudo-terminal");
    return;
  }
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("memory that is kept private leaves no core file, and programs are not concerned") {
  const pid_t child = ::fork();
  if (child == 0) {
    rlimit core{};
    ::getrlimit(RLIMIT_CORE, &core);
    core.rlim_cur = core.rlim_max;
    ::setrlimit(RLIMIT_CORE, &core);
    keep_memory_private();
    rlimit now{};
    ::getrlimit(RLIMIT_CORE, &now);
    const bool is_private = now.rlim_cur == 0 && ::prctl(PR_GET_DUMPABLE) == 0;
    const std::string expected = core.rlim_max == RLIM_INFINITY ? "unlimited" : std::to_string(core.rlim_max / 512);
    const Exit exit = run({.argv = {"sh", "-c", "ulimit -c"}});
    ::_exit(is_private && exit.output == expected + "\n" ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("a program that heeds SIGTERM may say its last words") {
  Command command = shell("trap 'echo bye; exit 3' TERM; sleep 60 & wait");
  command.timeout = milliseconds(300);
  const Exit exit = run(command);
  CHECK(exit.how == Exit::How::timed_out);
  CHECK(exit.output == "bye\n");
}

TEST_CASE("a daemon that a hook leaves behind is neither waited for nor killed") {
  // One that keeps the streams open, one that does not.
  for (const std::string& redirect : {std::string(), std::string(">/dev/null 2>&1")}) {
    CAPTURE(redirect);
    const Exit exit = run(shell("sleep 60 " + redirect + " & echo $!"));
    CHECK(exit.success());
    const auto daemon = static_cast<pid_t>(std::stoi(exit.output));
    CHECK(is_alive(daemon));
    ::kill(daemon, SIGKILL);
  }
  // And one that floods what it inherited.
  const Exit exit = run(shell("(trap '' PIPE; yes 2>/dev/null) & echo done"));
  CHECK(exit.success());
}

TEST_CASE("a stop that is requested ends the program") {
  std::stop_source stop;
  std::jthread stopper([&stop] {
    std::this_thread::sleep_for(milliseconds(200));
    stop.request_stop();
  });
  const Exit exit = run({.argv = {"sleep", kForever}}, stop.get_token());
  CHECK(exit.how == Exit::How::cancelled);
  CHECK(describe(exit) == "was stopped before it ended");
  const TemporaryDirectory temporary;
  CHECK(run({.argv = {"touch", temporary / "a"}}, stop.get_token()).how == Exit::How::cancelled);
  CHECK(temporary.open().list().empty());
}

TEST_CASE("programs run from many threads do not hold each other's streams") {
  std::vector<std::jthread> threads;
  std::atomic<int> good = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&good, i] {
      for (int turn = 0; turn < 20; ++turn) {
        const std::string text = std::to_string(i * 100 + turn);
        if (run({.argv = {"cat"}, .input = to_bytes(text)}).output == text) ++good;
      }
    });
  }
  threads.clear();
  CHECK(good == 80);
}

TEST_CASE("no child and no descriptor is left behind") {
  const auto descriptors = [] { return Directory::open("/proc/self/fd").list().size(); };
  run({.argv = {"true"}});
  const std::size_t before = descriptors();
  for (int i = 0; i < 10; ++i) {
    run(shell("echo x"));
    run({.argv = {"true"}, .directory = "/none"});
    run({.argv = {"cat"}, .input = to_bytes("x")});
  }
  CHECK(descriptors() == before);
  CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);
  CHECK(errno == ECHILD);
}

TEST_CASE("a command runs as the user it names, with that user's groups only") {
  if (everseal::skipped_without_root()) {
    const Exit exit = run({.argv = {"id"}, .user = "root"});
    CHECK(exit.how == Exit::How::not_started);
    return;
  }
  const Exit exit = run({.argv = {"sh", "-c", "id -u; id -ru; id -g; id -G; echo $HOME; cat"},
                         .user = "nobody",
                         .input = to_bytes("input\n")});
  CHECK(exit.output == "65534\n65534\n65534\n65534\n/nonexistent\ninput\n");
  const TemporaryDirectory temporary;  // 0700, root's
  const Exit refused = run({.argv = {"true"}, .user = "nobody", .directory = temporary.path()});
  CHECK(refused.how == Exit::How::not_started);
  CHECK(describe(refused).find("permission denied") != std::string::npos);
}

TEST_CASE("the last words of a program are shown harmlessly, cut short") {
  const auto described = [](std::string errors) {
    return describe({.how = Exit::How::exited, .status = 1, .errors = std::move(errors)});
  };
  CHECK(described("") == "exited with status 1");
  CHECK(described("\n \n") == "exited with status 1");
  CHECK(described("first\n\n  last\n\n") == "exited with status 1: first; last");
  CHECK(described("first\roverwritten") == "exited with status 1: overwritten");
  CHECK(described("a\x1b[2J\xe2\x80\xae\xff") == "exited with status 1: a\\x1b[2J\\u{202e}\\xff");
  CHECK(described("1\n2\n3\n4\n5\n") == "exited with status 1: 2; 3; 4; 5");
  CHECK(described("Job for nginx.service failed.\nSee \"systemctl status nginx.service\" for details.\n") ==
        "exited with status 1: Job for nginx.service failed.; See \"systemctl status nginx.service\" for details.");
  CHECK(described(std::string(1'000'000, 'x')).size() < 400);
  CHECK(described("why\n" + std::string(1'000'000, 'x')).size() < 400);
  CHECK(described(std::string(299, 'x') + "\nlast") == "exited with status 1: last");
}

TEST_CASE("executables are found in the fixed path only") {
  const TemporaryDirectory temporary;
  temporary.open().replace("everseal-test-tool", as_bytes("#!/bin/sh\n"), {.mode = 0755});
  ::setenv("PATH", temporary.path().c_str(), 1);
  CHECK_FALSE(find_executable("everseal-test-tool"));
  CHECK(find_executable(temporary / "everseal-test-tool") == temporary / "everseal-test-tool");
  ::setenv("PATH", "/usr/bin:/bin", 1);
  CHECK(find_executable("sh"));
  for (const std::string& name : {std::string(), std::string("."), std::string(".."), std::string("./sh"),
                                  std::string("../bin/sh"), std::string("sh\0", 3), std::string("/usr/bin")}) {
    CAPTURE(name);
    CHECK_FALSE(find_executable(name));
  }
}
