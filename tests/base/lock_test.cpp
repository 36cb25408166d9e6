#include "base/lock.h"

#include "base/error.h"
#include "fakes/temporary_directory.h"

#include <array>
#include <atomic>
#include <csignal>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
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
