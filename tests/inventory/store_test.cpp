#include "inventory/store.h"

#include "base/lock.h"
#include "inventory/events.h"
#include "inventory/support.h"
#include "skip.h"
#include "sql/migration.h"
#include "sql/query.h"

#include <filesystem>
#include <fstream>

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace everseal;
using namespace everseal::inventory;
using base::Error;
using base::Fault;
using sql::Access;

namespace {

// A small file system of its own, where the test may mount one.
class SmallDisk {
 public:
  explicit SmallDisk(const std::string& path) : path_(path) {
    std::filesystem::create_directory(path);
    mounted_ = ::mount("tmpfs", path.c_str(), "tmpfs", 0, "size=1m,mode=0700") == 0;
    if (!mounted_) skip_test("mounting a tmpfs is refused here: " + std::generic_category().message(errno));
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  bool mounted() const { return mounted_; }
  void fill() const {
    std::ofstream file(path_ + "/fill", std::ios::app);
    const std::string block(4096, 'x');
    while (file.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
    }
  }
  void make_read_only() const {
    REQUIRE(::mount("tmpfs", path_.c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, nullptr) == 0);
  }

 private:
  std::string path_;
  bool mounted_ = false;
};

mode_t mode_of(const std::string& path) {
  struct stat found {};
  return ::stat(path.c_str(), &found) == 0 ? found.st_mode & 07777 : 0;
}

std::string read_all(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("init makes a private directory and a private database, and may be repeated") {
  TestState test;
  CHECK(mode_of(test.path) == 0700);
  CHECK(mode_of(test.path + "/everseal.db") == 0600);
  CHECK(mode_of(test.path + "/locks") == 0700);
  test.store.set_setting("kept", "yes");
  CHECK(Store::create(test.path, kNow).setting("kept") == "yes");
}

TEST_CASE("a missing state says how to make one") {
  const fakes::TemporaryDirectory directory;
  for (const auto access : {Access::read_only, Access::read_write}) {
    const Error none = error_of([&] { Store::open(directory / "none", access, kNow); });
    CHECK(none.fault() == Fault::not_found);
    CHECK(none.hint().find("everseal init") != std::string::npos);
  }
  std::filesystem::permissions(directory.path(), std::filesystem::perms::owner_all);
  const Error empty = error_of([&] { Store::open(directory.path(), Access::read_write, kNow); });
  CHECK(empty.fault() == Fault::not_found);
  CHECK(empty.hint().find("everseal init") != std::string::npos);
}

TEST_CASE("an empty database never takes the place of one that is gone") {
  const fakes::TemporaryDirectory directory;
  const std::string state = directory / "state";
  Store::create(state, kNow);
  const std::string database = state + "/everseal.db";
  std::filesystem::create_directories(state + "/archive/www");
  for (const bool emptied : {false, true}) {
    CAPTURE(emptied);
    for (const char* const end : {"", "-wal", "-shm"}) std::filesystem::remove(database + end);
    if (emptied) std::ofstream(database).close();
    for (const Error& refused : {error_of([&] { Store::create(state, kNow); }),
                                 error_of([&] { Store::open(state, Access::read_write, kNow); })}) {
      CHECK(refused.fault() == Fault::exists);
      CHECK(refused.hint().find("doctor --rebuild") != std::string::npos);
    }
  }
}

TEST_CASE("a directory that others can change or read is refused") {
  TestState test;
  for (const mode_t refused : {0770U, 0702U, 0704U, 0701U, 0777U}) {
    CAPTURE(refused);
    REQUIRE(::chmod(test.path.c_str(), refused) == 0);
    const Error error = error_of([&] { Store::open(test.path, Access::read_only, kNow); });
    CHECK(error.fault() == Fault::denied);
    CHECK(error.hint() == "chmod 0700 " + test.path);
  }
  for (const mode_t accepted : {0700U, 0750U, 0710U}) {
    CAPTURE(accepted);
    REQUIRE(::chmod(test.path.c_str(), accepted) == 0);
    CHECK_NOTHROW(Store::open(test.path, Access::read_only, kNow));
  }
}

TEST_CASE("a state of another user is refused, also to root") {
  if (skipped_without_root()) return;
  TestState test;
  for (const std::string& path : {test.path, test.path + "/everseal.db"}) {
    CAPTURE(path);
    REQUIRE(::chown(path.c_str(), 65534, 65534) == 0);
    for (const auto access : {Access::read_only, Access::read_write}) {
      const Error error = error_of([&] { Store::open(test.path, access, kNow); });
      CHECK(error.fault() == Fault::denied);
      CHECK(error.message().find(path) != std::string::npos);
      CHECK(error.hint().find("sudo -u") != std::string::npos);
    }
    REQUIRE(::chown(path.c_str(), 0, 0) == 0);
  }
  CHECK_NOTHROW(Store::open(test.path, Access::read_write, kNow));
}

TEST_CASE("a newer database is refused before anything is changed") {
  const fakes::TemporaryDirectory directory;
  const std::string path = directory / "state";
  {
    Store store = Store::create(path, kNow);
    store.database().execute("insert into migration values (9999, '9999_later.sql', 0)");
  }
  const std::string before = read_all(path + "/everseal.db");
  for (const auto access : {Access::read_only, Access::read_write})
    CHECK(error_of([&] { Store::open(path, access, kNow); }).fault() == Fault::newer);
  CHECK(read_all(path + "/everseal.db") == before);
}

TEST_CASE("a corrupt database is refused with the way out") {
  const fakes::TemporaryDirectory directory;
  const std::string path = directory / "state";
  { Store::create(path, kNow); }
  std::fstream raw(path + "/everseal.db", std::ios::in | std::ios::out | std::ios::binary);
  raw << std::string(4096, 'x');
  raw.close();
  const std::string before = read_all(path + "/everseal.db");
  const Error error = error_of([&] { Store::open(path, Access::read_write, kNow); });
  CHECK(error.fault() == Fault::corrupt);
  CHECK(error.hint().find("restore") != std::string::npos);
  CHECK(read_all(path + "/everseal.db") == before);
}

TEST_CASE("a full disk is noticed before anything depends on it, and nothing is lost") {
  const fakes::TemporaryDirectory directory;
  const SmallDisk disk(directory / "disk");
  if (!disk.mounted()) return;
  Store store = Store::create(directory / "disk", kNow);
  store.set_setting("kept", "yes");
  CHECK_NOTHROW(store.prove_writable(kNow));
  disk.fill();
  const Error error = error_of([&] {
    for (int i = 0; i < 100; ++i) store.prove_writable(kNow + std::chrono::seconds(i));
  });
  CHECK(error.fault() == Fault::io);
  CHECK(error.hint().find("free some space") != std::string::npos);
  CHECK(store.setting("kept") == "yes");
  std::filesystem::remove(directory / "disk/fill");
  CHECK_NOTHROW(store.prove_writable(kNow));
  CHECK_NOTHROW(store.database().check_integrity());
}

TEST_CASE("room that is held is there for the next commits although the disk is full by then") {
  const fakes::TemporaryDirectory directory;
  const SmallDisk disk(directory / "disk");
  if (!disk.mounted()) return;
  Store store = Store::create(directory / "disk", kNow);
  store.prove_writable(kNow);
  disk.fill();
  for (int i = 0; i < 5; ++i) CHECK_NOTHROW(store.set_setting("kept", std::to_string(i)));
  CHECK(store.setting("kept") == "4");
}

TEST_CASE("a full disk makes init fail in so many words, and a second init succeeds") {
  const fakes::TemporaryDirectory directory;
  const SmallDisk disk(directory / "disk");
  if (!disk.mounted()) return;
  disk.fill();
  const Error error = error_of([&] { Store::create(directory / "disk", kNow); });
  CHECK(error.fault() == Fault::io);
  CHECK(error.hint().find("free some space") != std::string::npos);
  std::filesystem::remove(directory / "disk/fill");
  CHECK_NOTHROW(Store::create(directory / "disk", kNow).prove_writable(kNow));
}

TEST_CASE("a read-only file system: reading works, writing says why not") {
  const fakes::TemporaryDirectory directory;
  const SmallDisk disk(directory / "disk");
  if (!disk.mounted()) return;
  Store::create(directory / "disk", kNow).set_setting("kept", "yes");
  disk.make_read_only();
  CHECK(Store::open(directory / "disk", Access::read_only, kNow).setting("kept") == "yes");
  const Error error = error_of([&] { Store::open(directory / "disk", Access::read_write, kNow).prove_writable(kNow); });
  CHECK(error.fault() == Fault::io);
  CHECK_FALSE(error.hint().empty());
}

TEST_CASE("a log that cannot be replayed on a read-only file system is never skipped") {
  const fakes::TemporaryDirectory directory;
  const SmallDisk disk(directory / "disk");
  if (!disk.mounted()) return;
  const std::string state = directory / "disk";
  {
    TestState source;
    source.store.set_setting("kept", "yes");
    for (const char* name : {"/everseal.db", "/everseal.db-wal"})
      std::filesystem::copy_file(source.path + name, state + name);
  }
  REQUIRE(std::filesystem::file_size(state + "/everseal.db-wal") > 0);
  disk.make_read_only();
  try {
    CHECK(Store::open(state, Access::read_only, kNow).setting("kept") == "yes");
  } catch (const Error& error) {
    CHECK(error.fault() == Fault::io);
    CHECK_FALSE(error.hint().empty());
  }
}

TEST_CASE("two connections share one store; each sees what the other committed") {
  TestState test;
  Store second = Store::open(test.path, Access::read_write, kNow);
  test.store.transaction([&] { test.store.set_setting("a", "1"); });
  CHECK(second.setting("a") == "1");
  second.set_setting("a", "2");
  CHECK(test.store.setting("a") == "2");
  CHECK(test.store.setting("none") == std::nullopt);
}
