#include "fakes/unsynced_file_system.h"

#include "base/error.h"
#include "fakes/temporary_directory.h"

#include <cerrno>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>

using namespace everseal;
using base::as_bytes;
using base::as_text;
using base::Directory;
using fakes::ChildEnd;
using fakes::Mishap;
namespace fs = std::filesystem;

namespace {

using Kind = Mishap::Kind;
using How = ChildEnd::How;

// A directory to work in, and the fake's scratch beside it.
struct Machine {
  Machine() {
    fs::create_directory(temporary / "work");
    fs::create_directory(temporary / "scratch");
  }
  Directory work() const { return Directory::open(temporary / "work"); }
  ChildEnd run(Mishap mishap, const std::function<void(const Directory&)>& job) const {
    return fakes::run_in_child(temporary / "scratch", mishap, [&] { job(work()); });
  }
  // Runs `job` to its end, then cuts the power.
  ChildEnd run_then_cut(const std::function<void(const Directory&)>& job) const {
    return run({}, [&](const Directory& directory) {
      job(directory);
      dynamic_cast<fakes::UnsyncedFileSystem&>(base::file_system()).cut_power();
    });
  }
  std::string text(const std::string& name) const {
    const auto bytes = work().read(name, 1 << 20);
    return bytes ? std::string(as_text(*bytes)) : "(none)";
  }

  fakes::TemporaryDirectory temporary;
};

void put(int file, std::string_view text) { base::file_system().write(file, as_bytes(text)); }

// Runs `job` with a power cut before each of its calls in turn and looks at what is left each time.
void cut_everywhere(const std::function<void(const Machine&)>& prepare,
                    const std::function<void(const Directory&)>& job,
                    const std::function<void(const Machine&, bool finished)>& look) {
  for (const Kind kind : {Kind::power_cut, Kind::kill}) {
    for (int at = 1;; ++at) {
      CAPTURE(at);
      REQUIRE(at < 100);
      const Machine machine;
      prepare(machine);
      const ChildEnd end = machine.run({kind, at}, job);
      REQUIRE((end.how == How::cut || end.how == How::done));
      look(machine, end.how == How::done);
      if (end.how == How::cut) continue;
      CHECK(end.calls == at - 1);
      break;
    }
  }
}

}  // namespace

TEST_CASE("content that was not synced is lost, content that was is kept") {
  const Machine machine;
  machine.work().replace("old", as_bytes("old"));
  const ChildEnd end = machine.run_then_cut([](const Directory& directory) {
    base::FileSystem& files = base::file_system();
    const auto file = files.open(directory.descriptor(), "new", O_WRONLY | O_CREAT | O_EXCL, 0600);
    put(file.get(), "durable");
    files.sync(file.get());
    directory.sync();
    put(file.get(), " and not");
    const auto old = files.open(directory.descriptor(), "old", O_WRONLY | O_TRUNC, 0600);
    put(old.get(), "lost");
  });
  CHECK(end.how == How::cut);
  CHECK(machine.text("new") == "durable");
  CHECK(machine.text("old") == "old");
}

TEST_CASE("a file whose directory was not synced is gone, one whose content was not is empty") {
  const Machine machine;
  machine.run_then_cut([](const Directory& directory) {
    base::FileSystem& files = base::file_system();
    const auto nameless = files.open(directory.descriptor(), "empty", O_WRONLY | O_CREAT, 0600);
    put(nameless.get(), "x");
    directory.sync();
    directory.write_new("gone", as_bytes("x"));
  });
  CHECK(machine.work().list() == std::vector<std::string>{"empty"});
  CHECK(machine.text("empty").empty());
}

TEST_CASE("names that were not synced go back in reverse order") {
  const Machine machine;
  const Directory before = machine.work();
  before.replace("a", as_bytes("a"));
  before.replace("b", as_bytes("b"));
  before.switch_link("link", "a");
  Directory::create(machine.temporary / "work/tree/inner", 0700).replace("file", as_bytes("x"));
  const ChildEnd end = machine.run_then_cut([](const Directory& directory) {
    base::FileSystem& files = base::file_system();
    const int fd = directory.descriptor();
    files.rename(fd, "a", fd, "b");
    files.rename(fd, "b", fd, "c");
    files.remove(fd, "link", 0);
    files.symlink("c", fd, "link");
    files.make_directory(fd, "made", 0700);
    const Directory made = directory.subdirectory("made");
    made.write_new("x", as_bytes("x"));
    made.sync();
    const Directory tree = directory.subdirectory("tree");
    const Directory inner = tree.subdirectory("inner");
    files.remove(inner.descriptor(), "file", 0);
    files.remove(tree.descriptor(), "inner", AT_REMOVEDIR);
    files.remove(fd, "tree", AT_REMOVEDIR);
  });
  CHECK(end.how == How::cut);
  CHECK(machine.work().list() == std::vector<std::string>{"a", "b", "link", "tree"});
  CHECK(machine.text("a") == "a");
  CHECK(machine.text("b") == "b");
  CHECK(machine.work().read_link("link") == "a");
  CHECK(machine.work().subdirectory("tree").subdirectory("inner").has("file"));
}

TEST_CASE("modes go back until they are synced") {
  const Machine machine;
  machine.work().replace("kept", {}, {.mode = 0600});
  machine.work().replace("lost", {}, {.mode = 0600});
  machine.run_then_cut([](const Directory& directory) {
    base::FileSystem& files = base::file_system();
    for (const char* const name : {"kept", "lost"}) {
      const auto file = files.open(directory.descriptor(), name, O_RDONLY, 0);
      files.change_mode(file.get(), 0644);
      if (std::string_view(name) == "kept") files.sync(file.get());
    }
  });
  struct stat status {};
  REQUIRE(::stat((machine.temporary / "work/kept").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0644);
  REQUIRE(::stat((machine.temporary / "work/lost").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0600);
}

TEST_CASE("replacing a file leaves the old or the new content wherever the power is cut") {
  bool seen_old = false;
  cut_everywhere([](const Machine& machine) { machine.work().replace("key", as_bytes("old")); },
                 [](const Directory& directory) { directory.replace("key", as_bytes("new"), {.mode = 0640}); },
                 [&](const Machine& machine, bool finished) {
                   const std::string text = machine.text("key");
                   CHECK((text == "new" || (text == "old" && !finished)));
                   if (text == "old") seen_old = true;
                 });
  CHECK(seen_old);
}

TEST_CASE("switching a link leaves the old or the new target wherever the power is cut") {
  cut_everywhere([](const Machine& machine) { machine.work().switch_link("current", "old"); },
                 [](const Directory& directory) { directory.switch_link("current", "new"); },
                 [](const Machine& machine, bool finished) {
                   const auto target = machine.work().read_link("current");
                   CHECK((target == "new" || (target == "old" && !finished)));
                 });
}

TEST_CASE("what create, write_new, rename and remove_tree promise survives a cut right after them") {
  const Machine machine;
  Directory::create(machine.temporary / "work/doomed/inner", 0700).replace("file", as_bytes("x"));
  machine.work().replace("from", as_bytes("moved"));
  machine.run_then_cut([&](const Directory& directory) {
    const Directory deep = Directory::create(directory.path() + "/a/b/c", 0750);
    deep.write_new("one", as_bytes("1"));
    const base::NewFile several[] = {{"three", as_bytes("3"), {.mode = 0640}}, {"two", as_bytes("2")}};
    deep.write_new(several);
    deep.create_subdirectory("d", 0711).replace("two", as_bytes("2"));
    directory.remove_tree("doomed");
    directory.rename("from", "to");
  });
  CHECK(machine.work().list() == std::vector<std::string>{"a", "to"});
  const Directory deep = Directory::open(machine.temporary / "work/a/b/c");
  CHECK(deep.list() == std::vector<std::string>{"d", "one", "three", "two"});
  CHECK(base::as_text(*deep.read("three", 10)) == "3");
  CHECK(base::as_text(*deep.read("two", 10)) == "2");
  CHECK(deep.has("d"));
  CHECK(deep.subdirectory("d").has("two"));
  CHECK(machine.text("to") == "moved");
}

TEST_CASE("a call that fails leaves the old file and no temporary one") {
  for (const int code : {ENOSPC, EIO, EROFS}) {
    for (int at = 1;; ++at) {
      CAPTURE(code);
      CAPTURE(at);
      REQUIRE(at < 100);
      const Machine machine;
      machine.work().replace("key", as_bytes("old"));
      const ChildEnd end = machine.run({Kind::error, at, code}, [](const Directory& directory) {
        directory.replace("key", as_bytes("new"), {.mode = 0640});
      });
      REQUIRE((end.how == How::failed || end.how == How::done));
      CHECK(machine.work().list() == std::vector<std::string>{"key"});
      const std::string text = machine.text("key");
      CHECK((text == "new" || (text == "old" && end.how == How::failed)));
      if (end.how == How::done) break;
    }
  }
}

TEST_CASE("a disk that stays full fails every later call") {
  const Machine machine;
  const ChildEnd end = machine.run({Kind::errors, 2, ENOSPC}, [](const Directory& directory) {
    try {
      directory.replace("a", as_bytes("x"));
    } catch (const base::Error& error) {
      if (error.hint().find("free some space") == std::string::npos) throw std::logic_error("no hint");
    }
    directory.replace("b", as_bytes("x"));
  });
  CHECK(end.how == How::failed);
  CHECK_FALSE(machine.work().has("a"));
  CHECK_FALSE(machine.work().has("b"));
}
