#include "inventory/store_access.h"

#include "inventory/support.h"
#include "skip.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>
#include <functional>
#include <thread>

#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace everseal;
using namespace everseal::inventory;
using namespace std::chrono_literals;
using base::Error;
using base::Fault;

namespace {

const base::LockWait kNoWait{.at_most = 0ms, .stop = {}, .waiting = {}};

// Another process that has a right until it is told to end, or is killed.
class Other {
 public:
  explicit Other(const std::function<std::shared_ptr<void>()>& take) {
    std::array<int, 2> ready{}, end{};
    REQUIRE(::pipe(ready.data()) == 0);
    REQUIRE(::pipe(end.data()) == 0);
    child_ = ::fork();
    if (child_ == 0) {
      ::close(end[1]);
      auto held = take();
      char byte = 'x';
      if (::write(ready[1], &byte, 1) == 1 && ::read(end[0], &byte, 1) <= 0) held.reset();
      ::_exit(0);
    }
    ::close(ready[1]);
    ::close(end[0]);
    end_ = end[1];
    char byte = 0;
    REQUIRE(::read(ready[0], &byte, 1) == 1);
    ::close(ready[0]);
  }
  ~Other() { stop(SIGKILL); }
  Other(const Other&) = delete;
  Other& operator=(const Other&) = delete;

  pid_t process() const { return child_; }
  void stop(int signal = 0) {
    if (child_ <= 0) return;
    if (signal != 0) ::kill(child_, signal);
    ::close(end_);
    ::waitpid(child_, nullptr, 0);
    child_ = 0;
  }

 private:
  pid_t child_ = 0;
  int end_ = -1;
};

struct State {
  fakes::TemporaryDirectory directory;
  std::string path = directory / "state";
  State() { Store::create(path, kNow); }

  std::function<std::shared_ptr<void>()> reader() const {
    return [this] { return std::make_shared<Store>(Store::open(path, sql::Access::read_only, kNow)); };
  }
  std::function<std::shared_ptr<void>()> owner() const {
    return [this] { return std::make_shared<StoreAccess>(StoreAccess::exclusive(path)); };
  }
};

}  // namespace

TEST_CASE("who has a store open keeps others from replacing it, and is named") {
  State state;
  Other reader(state.reader());
  const Error error = error_of([&] { StoreAccess::exclusive(state.path, kNoWait); });
  CHECK(error.fault() == Fault::busy);
  CHECK(error.message().find(std::to_string(reader.process())) != std::string::npos);
  CHECK(error.message().find(state.path) != std::string::npos);
  CHECK_FALSE(error.hint().empty());
  CHECK_NOTHROW(Store::open(state.path, sql::Access::read_write, kNow, kNoWait));
  reader.stop();
  CHECK_NOTHROW(StoreAccess::exclusive(state.path, kNoWait));
}

TEST_CASE("who replaces a store keeps others from opening it, and is named") {
  State state;
  Other owner(state.owner());
  for (const auto access : {sql::Access::read_only, sql::Access::read_write}) {
    const Error error = error_of([&] { Store::open(state.path, access, kNow, kNoWait); });
    CHECK(error.fault() == Fault::busy);
    CHECK(error.message().find(std::to_string(owner.process())) != std::string::npos);
  }
  CHECK(error_of([&] { StoreAccess::exclusive(state.path, kNoWait); }).fault() == Fault::busy);
  owner.stop();
  CHECK_NOTHROW(Store::open(state.path, sql::Access::read_only, kNow, kNoWait));
}

TEST_CASE("a right does not outlive a killed process, and what it left in the directory means nothing") {
  State state;
  Other reader(state.reader());
  reader.stop(SIGKILL);
  CHECK_NOTHROW(StoreAccess::exclusive(state.path, kNoWait));
  Other owner(state.owner());
  owner.stop(SIGKILL);
  CHECK_NOTHROW(Store::open(state.path, sql::Access::read_write, kNow, kNoWait));
}

TEST_CASE("waiting ends as soon as the other does, shows a sign of life, and can be stopped and bounded") {
  State state;
  Other reader(state.reader());
  std::string signs;
  std::jthread later([&] {
    std::this_thread::sleep_for(1300ms);
    reader.stop();
  });
  const pid_t process = reader.process();
  CHECK_NOTHROW(StoreAccess::exclusive(
      state.path, {.at_most = 10s, .waiting = [&](const std::string& who, auto) { signs += who + ";"; }}));
  CHECK(signs.find(std::to_string(process)) != std::string::npos);
  CHECK(std::ranges::count(signs, ';') == 2);
  later.join();

  Other owner(state.owner());
  std::stop_source stop;
  stop.request_stop();
  CHECK(error_of([&] { StoreAccess::shared(state.path, {.stop = stop.get_token()}); }).fault() == Fault::cancelled);
  const auto begun = std::chrono::steady_clock::now();
  CHECK(error_of([&] { StoreAccess::shared(state.path, {.at_most = 50ms}); }).fault() == Fault::busy);
  CHECK(std::chrono::steady_clock::now() - begun < 2s);
}

TEST_CASE("a process that has the store open is told at once that it cannot have it alone") {
  State state;
  {
    Store own = Store::open(state.path, sql::Access::read_only, kNow);
    const auto begun = std::chrono::steady_clock::now();
    const Error error = error_of([&] { StoreAccess::exclusive(state.path); });
    CHECK(error.fault() == Fault::busy);
    CHECK(error.message().find("this process itself") != std::string::npos);
    CHECK(std::chrono::steady_clock::now() - begun < 2s);
  }
  StoreAccess alone = StoreAccess::exclusive(state.path, kNoWait);
  CHECK(alone.is_exclusive());
  Store within = Store::open_within(std::move(alone), sql::Access::read_write, kNow);
  within.set_setting("a", "1");
  CHECK(error_of([&] { Store::open(state.path, sql::Access::read_only, kNow, kNoWait); }).fault() == Fault::busy);
}

TEST_CASE("one process opens a store again while another waits to have it alone") {
  State state;
  Store first = Store::open(state.path, sql::Access::read_write, kNow);
  std::atomic<bool> waits = false;
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      StoreAccess::exclusive(state.path, {.at_most = 20s});
      ::_exit(0);
    } catch (...) {
      ::_exit(1);
    }
  }
  while (!waits) {
    const auto locks = base::Directory::open(state.path + "/locks");
    waits = base::FileLock::holders(locks, "store-entry").find(std::to_string(child)) != std::string::npos;
    std::this_thread::sleep_for(1ms);
  }
  CHECK_NOTHROW(Store::open(state.path, sql::Access::read_write, kNow, kNoWait));
  // Another process waits behind the one that waits, so that a stream of readers never keeps it out.
  const pid_t late = ::fork();
  if (late == 0) {
    try {
      Store::open(state.path, sql::Access::read_only, kNow, {.at_most = 100ms});
      ::_exit(1);
    } catch (const Error& error) {
      ::_exit(error.fault() == Fault::busy ? 0 : 2);
    }
  }
  int status = -1;
  ::waitpid(late, &status, 0);
  CHECK(WEXITSTATUS(status) == 0);
  { const Store gone = std::move(first); }
  ::waitpid(child, &status, 0);
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("a migration waits for those who have the store open with the older program") {
  State state;
  Other reader([&]() -> std::shared_ptr<void> {
    auto store = std::make_shared<Store>(Store::open(state.path, sql::Access::read_write, kNow));
    // What an older schema looks like to this program.
    store->database().execute("delete from migration where number = (select max(number) from migration)");
    return store;
  });
  const Error error = error_of([&] { Store::open(state.path, sql::Access::read_write, kNow, kNoWait); });
  CHECK(error.fault() == Fault::busy);
  CHECK(error.message().find(std::to_string(reader.process())) != std::string::npos);
}

TEST_CASE("where nothing can be written a reader needs no lock") {
  const fakes::TemporaryDirectory directory;
  const std::string disk = directory / "disk";
  std::filesystem::create_directory(disk);
  if (::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=1m,mode=0700") != 0) {
    skip_test("mounting a tmpfs is refused here: " + std::generic_category().message(errno));
    return;
  }
  { Store::create(disk, kNow); }
  REQUIRE(::mount("tmpfs", disk.c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, nullptr) == 0);
  CHECK_NOTHROW(Store::open(disk, sql::Access::read_only, kNow, kNoWait));
  REQUIRE(::mount("tmpfs", disk.c_str(), "tmpfs", MS_REMOUNT, nullptr) == 0);
  std::filesystem::remove_all(disk + "/locks");
  REQUIRE(::mount("tmpfs", disk.c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, nullptr) == 0);
  CHECK_NOTHROW(Store::open(disk, sql::Access::read_only, kNow, kNoWait));
  ::umount2(disk.c_str(), MNT_DETACH);
}

TEST_CASE("processes that open, replace and kill each other never meet and never get stuck") {
  State state;
  const std::string mark = state.directory / "inside";
  std::vector<pid_t> children;
  for (int i = 0; i < 8; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      try {
        for (int turn = 0; turn < 30; ++turn) {
          if (i < 2) {
            const auto right = StoreAccess::exclusive(state.path, {.at_most = 30s});
            if (std::filesystem::exists(mark)) ::_exit(2);
            std::filesystem::create_directory(mark);
            std::filesystem::remove(mark);
          } else {
            const auto right = StoreAccess::shared(state.path, {.at_most = 30s});
            if (std::filesystem::exists(mark)) ::_exit(3);
          }
        }
        ::_exit(0);
      } catch (...) {
        ::_exit(1);
      }
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = -1;
    ::waitpid(child, &status, 0);
    CHECK(WEXITSTATUS(status) == 0);
  }
}
