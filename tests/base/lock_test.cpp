#include "base/lock.h"

#include "base/error.h"
#include "fakes/temporary_directory.h"

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace everseal::base;
using everseal::fakes::TemporaryDirectory;

TEST_CASE("a lock excludes others until its holder ends") {
  const TemporaryDirectory temporary;
  const Directory directory = temporary.open();
  {
    const auto held = FileLock::try_acquire(directory, "lock");
    REQUIRE(held);
    CHECK_FALSE(FileLock::try_acquire(directory, "lock"));
    CHECK(FileLock::try_acquire(directory, "other"));
    CHECK(FileLock::holder(directory, "lock") == std::to_string(::getpid()));
  }
  auto first = FileLock::try_acquire(directory, "lock");
  REQUIRE(first);
  FileLock moved = std::move(*first);
  first.reset();
  CHECK_FALSE(FileLock::try_acquire(directory, "lock"));
  moved = FileLock::acquire(directory, "other");
  CHECK(FileLock::try_acquire(directory, "lock"));
}

TEST_CASE("a lock is released although a forked child lives on with its descriptors") {
  const TemporaryDirectory temporary;
  const Directory directory = temporary.open();
  auto held = FileLock::try_acquire(directory, "lock");
  REQUIRE(held);
  const pid_t child = ::fork();
  if (child == 0) {
    ::pause();
    ::_exit(0);
  }
  held.reset();
  CHECK(FileLock::try_acquire(directory, "lock"));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

TEST_CASE("a lock does not outlive a killed holder") {
  const TemporaryDirectory temporary;
  const Directory directory = temporary.open();
  std::array<int, 2> ready{};
  REQUIRE(::pipe(ready.data()) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto held = FileLock::try_acquire(directory, "lock");
    if (::write(ready[1], "x", 1) != 1) ::_exit(1);
    ::pause();
    ::_exit(0);
  }
  char byte = 0;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  CHECK_FALSE(FileLock::try_acquire(directory, "lock"));
  CHECK(FileLock::holder(directory, "lock") == std::to_string(child));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  CHECK(FileLock::acquire(directory, "lock").holder(directory, "lock") == std::to_string(::getpid()));
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_CASE("threads wait for each other") {
  const TemporaryDirectory temporary;
  std::atomic<int> inside = 0, together = 0, turns = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        const Directory directory = temporary.open();
        for (int turn = 0; turn < 50; ++turn) {
          const FileLock held = FileLock::acquire(directory, "lock");
          if (++inside > 1) ++together;
          ++turns;
          --inside;
        }
      });
    }
  }
  CHECK(together == 0);
  CHECK(turns == 200);
}

TEST_CASE("what stands in a lock file is shown only where it is a process id") {
  const TemporaryDirectory temporary;
  const Directory directory = temporary.open();
  CHECK(FileLock::holder(directory, "none").empty());
  for (const char* const content : {"", "evil\x1b[2J\n", "12a\n", "\n12", "-1\n"}) {
    directory.replace("lock", as_bytes(content));
    CHECK(FileLock::holder(directory, "lock").empty());
  }
  directory.replace("target", {});
  directory.switch_link("link", "target");
  CHECK_THROWS_AS(FileLock::try_acquire(directory, "link"), Error);
  CHECK_THROWS_AS(FileLock::try_acquire(directory, "../lock"), Error);
}

TEST_CASE("a wait for a lock has a bound, shows that it lives, and can be stopped") {
  using std::chrono::milliseconds;
  const TemporaryDirectory temporary;
  const Directory directory = temporary.open();
  std::optional<FileLock> held = FileLock::try_acquire(directory, "lock");
  const std::string own_id = std::to_string(::getpid());
  std::vector<std::string> signs;
  const auto note = [&](const std::string& holder, milliseconds) { signs.push_back(holder); };

  CHECK_FALSE(FileLock::acquire(directory, "lock", Sharing::exclusive, {.at_most = milliseconds(0)}));
  CHECK_FALSE(
      FileLock::acquire(directory, "lock", Sharing::exclusive, {.at_most = milliseconds(1100), .waiting = note}));
  CHECK(signs == std::vector<std::string>{own_id, own_id});

  std::stop_source stop;
  std::jthread stopper([&stop] {
    std::this_thread::sleep_for(milliseconds(50));
    stop.request_stop();
  });
  try {
    FileLock::acquire(directory, "lock", Sharing::exclusive, {.stop = stop.get_token()});
    FAIL_CHECK("got it");
  } catch (const Error& error) {
    CHECK(error.fault() == Fault::cancelled);
  }
  // What is free is taken, whatever was asked to stop.
  CHECK(FileLock::acquire(directory, "free", Sharing::exclusive, {.stop = stop.get_token()}));

  std::jthread releaser([&held] {
    std::this_thread::sleep_for(milliseconds(50));
    held.reset();
  });
  CHECK(FileLock::acquire(directory, "lock", Sharing::exclusive, {}));
}

TEST_CASE("those who share a lock exclude only who wants it alone") {
  const TemporaryDirectory temporary;
  const Directory directory = temporary.open();
  auto one = FileLock::try_acquire(directory, "lock", Sharing::shared);
  auto other = FileLock::try_acquire(directory, "lock", Sharing::shared);
  REQUIRE(one);
  REQUIRE(other);
  CHECK_FALSE(FileLock::try_acquire(directory, "lock"));
  one.reset();
  CHECK_FALSE(FileLock::try_acquire(directory, "lock"));
  other.reset();
  const auto alone = FileLock::try_acquire(directory, "lock");
  REQUIRE(alone);
  CHECK_FALSE(FileLock::try_acquire(directory, "lock", Sharing::shared));
}

TEST_CASE("what is no regular file locks nothing, and is not waited for") {
  const TemporaryDirectory temporary;
  const Directory directory = temporary.open();
  REQUIRE(::mkfifo((temporary / "fifo").c_str(), 0600) == 0);
  directory.create_subdirectory("directory", 0700);
  for (const char* const name : {"fifo", "directory"}) {
    CHECK_THROWS_AS(FileLock::try_acquire(directory, name), Error);
    CHECK_THROWS_AS(FileLock::acquire(directory, name), Error);
  }
}

TEST_CASE("a lock file that was removed while its lock was waited for is made anew") {
  const TemporaryDirectory temporary;
  const Directory directory = temporary.open();
  auto held = FileLock::try_acquire(directory, "lock");
  std::optional<FileLock> waited;
  std::jthread waiter([&] { waited = FileLock::acquire(temporary.open(), "lock"); });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  directory.remove("lock");
  held.reset();
  waiter.join();
  REQUIRE(waited);
  CHECK_FALSE(FileLock::try_acquire(directory, "lock"));
}
