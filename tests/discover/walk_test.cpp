#include "discover/walk.h"

#include "error_of.h"
#include "fakes/temporary_directory.h"
#include "found_text.h"
#include "pki/issued.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace everseal::discover {
namespace {

namespace fs = std::filesystem;
using namespace testing;

class Tree {
 public:
  std::string operator/(const std::string& name) const { return folder_ / name; }
  const std::string& path() const { return folder_.path(); }
  void write(const std::string& name, std::string_view text) const {
    fs::create_directories(fs::path(folder_ / name).parent_path());
    std::ofstream file(folder_ / name, std::ios::binary);
    file << text;
    REQUIRE(file.flush());
  }

 private:
  fakes::TemporaryDirectory folder_;
};

const std::string& a_certificate() {
  static const std::string pem = pki::testing::make_root().certificate.pem();
  return pem;
}

// What is not empty, by its path below the tree.
std::map<std::string, std::string> found_in(const Tree& tree, Walk wanted, Summary* summary = nullptr) {
  std::map<std::string, std::string> found;
  if (wanted.roots.empty()) wanted.roots = {tree.path()};
  const Summary told = walk(wanted, Passwords(),
                            [&](File&& file) {
                              if (file.empty()) return;
                              const bool is_new =
                                  found.emplace(file.path.substr(tree.path().size()), to_text(file)).second;
                              CHECK(is_new);
                            },
                            {});
  if (summary != nullptr) *summary = told;
  return found;
}

using Found = std::map<std::string, std::string>;

TEST_CASE("a tree gives each file with certificates once, and each trouble by name") {
  const Tree tree;
  tree.write("a.pem", a_certificate());
  tree.write("deep/er/b.crt", a_certificate() + a_certificate());
  tree.write("cut.pem", a_certificate().substr(0, 300));
  tree.write("notes.txt", "nothing here");
  tree.write("huge.pem", a_certificate() + std::string(200'000, '\n'));
  tree.write("huge.iso", std::string(200'000, '\0'));
  fs::create_hard_link(tree / "a.pem", tree / "again.pem");
  fs::create_symlink("a.pem", tree / "link.pem");
  fs::create_symlink(".", tree / "circle");
  REQUIRE(::mkfifo((tree / "fifo.pem").c_str(), 0600) == 0);
  REQUIRE(::mkfifo((tree / "fifo").c_str(), 0600) == 0);
  Walk wanted;
  wanted.limits.file_size = 100'000;
  for (const int threads : {1, 4}) {
    wanted.threads = threads;
    Summary summary;
    Found found = found_in(tree, wanted, &summary);
    // Whichever of its names came first.
    if (found.contains("/again.pem")) found.insert(std::pair("/a.pem", found.extract("/again.pem").mapped()));
    CHECK(found == Found{{"/a.pem", "pem: 1 Root"},
                         {"/cut.pem", "pem: ; truncated"},
                         {"/deep/er/b.crt", "pem: 1 Root, 2 Root"},
                         {"/fifo.pem", "none: ; not_regular"},
                         {"/huge.pem", "none: ; too_large"}});
    CHECK(summary.certificates == 3);
    CHECK(summary.files == 6);
    CHECK(summary.repeated == 1);
    CHECK(summary.links == 2);
    CHECK(summary.special == 2);
    CHECK(summary.directories == 3);
    CHECK(summary.is_whole);
  }
}

TEST_CASE("links are followed where that is asked for, in circles too, and each inode comes once") {
  const Tree outside, tree;
  outside.write("far.pem", a_certificate());
  tree.write("folder/a.pem", a_certificate());
  fs::create_symlink(outside.path(), tree / "out");
  fs::create_symlink("..", tree / "folder/up");
  fs::create_symlink("none", tree / "dangling");
  CHECK(found_in(tree, {}) == Found{{"/folder/a.pem", "pem: 1 Root"}});
  Walk wanted;
  wanted.links = Links::follow;
  CHECK(found_in(tree, wanted) == Found{{"/folder/a.pem", "pem: 1 Root"}, {"/out/far.pem", "pem: 1 Root"}});
}

TEST_CASE("what links lead to has the same name in each run, and what lies in the tree its own") {
  const Tree outside, tree;
  for (const char* name : {"1/cert.pem", "1/deep/chain.pem", "2/cert.pem", "roots/ca.pem"})
    outside.write(name, a_certificate());
  tree.write("own/a.pem", a_certificate());
  const auto link = [&](const std::string& name, const std::string& to) {
    fs::create_directories(fs::path(tree / name).parent_path());
    fs::create_symlink(to, tree / name);
  };
  link("live/www/cert.pem", outside / "2/cert.pem");
  link("a.pem", tree / "own/a.pem");
  link("b", outside / "1");
  link("c", outside / "1/deep");
  link("d.pem", outside / "1/cert.pem");
  link("e", outside / "1");
  link("up", fs::path(tree.path()).parent_path().string());
  link("gone", "none");
  // Hashed, for OpenSSL: "ca.pem" is a CA's, beside its hash.
  link("certs/ca.pem", outside / "roots/ca.pem");
  link("certs/9e2f41d0.0", "ca.pem");
  Walk wanted;
  wanted.links = Links::follow;
  for (const int threads : {1, 4}) {
    wanted.threads = threads;
    Summary summary;
    CHECK(found_in(tree, wanted, &summary) == Found{{"/own/a.pem", "pem: 1 Root"},
                                                    {"/b/cert.pem", "pem: 1 Root"},
                                                    {"/b/deep/chain.pem", "pem: 1 Root"},
                                                    {"/live/www/cert.pem", "pem: 1 Root"}});
    CHECK(summary.links == 4);  // up, gone and the two that are hashed
    CHECK(summary.repeated == 2);
    CHECK(passed_over(summary) == "4 symbolic links");
  }
}

TEST_CASE("of what Everseal deploys the files that servers read are seen, and no version that is kept to go back to") {
  const Tree tree;
  for (const char* name :
       {".everseal/www/1/fullchain.pem", ".everseal/www/2/fullchain.pem", ".everseal/.before/old.pem"})
    tree.write(name, a_certificate());
  fs::create_symlink("2", tree / ".everseal/www/current");
  fs::create_symlink(".everseal/www/current/fullchain.pem", tree / "fullchain.pem");
  Walk wanted;
  wanted.links = Links::follow;
  CHECK(found_in(tree, wanted) == Found{{"/fullchain.pem", "pem: 1 Root"}});
  wanted.links = Links::stay;  // nothing leads to them then
  CHECK(found_in(tree, wanted).size() == 3);
}

TEST_CASE("a file that somebody names is told where it is too large, whatever it looks like") {
  const Tree tree;
  tree.write("big.bin", std::string(2'000'000, '\0'));
  Walk wanted;
  wanted.limits.file_size = 1'000'000;
  CHECK(found_in(tree, wanted).empty());
  wanted.roots = {tree / "big.bin"};
  CHECK(found_in(tree, wanted) == Found{{"/big.bin", "none: ; too_large"}});
  CHECK(look_at_file(tree / "big.bin", {}, wanted.limits).troubles.size() == 1);
}

TEST_CASE("roots may be files and links, lie in one another, and be missing") {
  const Tree tree;
  tree.write("etc/a.pem", a_certificate());
  tree.write("etc/ssl/b.pem", a_certificate());
  fs::create_symlink("etc", tree / "link");
  Walk wanted;
  wanted.threads = 1;
  wanted.roots = {tree / "etc/ssl/b.pem", tree / "link/", tree / "etc", tree / "etc/ssl", tree / "none"};
  CHECK(found_in(tree, wanted) ==
        Found{{"/etc/ssl/b.pem", "pem: 1 Root"}, {"/link/a.pem", "pem: 1 Root"}, {"/none", "none: ; not_found"}});
}

TEST_CASE("what is excluded is not entered, nor what lies too deep, and the latter is told") {
  const Tree tree;
  tree.write("a/b/c/d.pem", a_certificate());
  tree.write("a/x.pem", a_certificate());
  tree.write("skip/y.pem", a_certificate());
  tree.write("skipped.pem", a_certificate());
  Walk wanted;
  wanted.excluded = {tree / "skip", tree / "skipped.pem"};
  wanted.limits.depth = 2;
  CHECK(found_in(tree, wanted) == Found{{"/a/b/c", "none: ; too_deep"}, {"/a/x.pem", "pem: 1 Root"}});
  wanted.limits.depth = 3;
  CHECK(found_in(tree, wanted) == Found{{"/a/b/c/d.pem", "pem: 1 Root"}, {"/a/x.pem", "pem: 1 Root"}});
}

TEST_CASE("a walk that sees more files than its limit says where it ended") {
  const Tree tree;
  for (int i = 0; i < 300; ++i) tree.write(fmt::format("{}.pem", i), a_certificate());
  Walk wanted;
  wanted.limits.files = 100;
  Summary summary;
  const Found found = found_in(tree, wanted, &summary);
  CHECK(found.size() == 101);
  CHECK(std::ranges::count(found, "none: ; too_many_files", &Found::value_type::second) == 1);
  CHECK(summary.files == 100);
  CHECK_FALSE(summary.is_whole);
  wanted.limits.files = 300;
  CHECK(found_in(tree, wanted, &summary).size() == 300);
  CHECK(summary.is_whole);
}

TEST_CASE("a file that the caller knows is not opened again, one that changed is") {
  const Tree tree;
  for (int i = 0; i < 200; ++i) tree.write(fmt::format("{}.pem", i), a_certificate());
  tree.write("notes.txt", "nothing");
  std::map<std::string, std::string> stamps;
  std::set<std::string> unchanged, read;
  Walk wanted;
  wanted.roots = {tree.path()};
  const auto again = [&] {
    unchanged.clear();
    read.clear();
    const std::map<std::string, std::string> before = stamps;
    wanted.known = [&before](const std::string& path, const Stamp& stamp) {
      const auto at = before.find(path);
      return at != before.end() && at->second == stamp.text();
    };
    return walk(wanted, Passwords(),
                [&](File&& file) {
                  (file.unchanged ? unchanged : read).insert(file.path);
                  stamps[file.path] = file.stamp.text();
                },
                {});
  };
  CHECK(again().read == 201);
  Summary summary = again();
  CHECK(summary.read == 0);
  CHECK(summary.unchanged == 201);
  // As long, and with the times of before.
  const std::string path = tree / "7.pem";
  const auto before = fs::last_write_time(path);
  tree.write("7.pem", std::string(a_certificate().size(), 'x'));
  fs::last_write_time(path, before);
  tree.write("new.pem", a_certificate());
  summary = again();
  CHECK(summary.read == 2);
  CHECK(read == std::set{path, tree / "new.pem"});
}

TEST_CASE("a walk ends when it is asked to, and what its caller throws ends it") {
  const Tree tree;
  for (int i = 0; i < 5'000; ++i) tree.write(fmt::format("{}/{}.pem", i % 50, i), a_certificate());
  Walk wanted;
  wanted.roots = {tree.path()};
  std::stop_source stop;
  int count = 0;
  const Summary summary = walk(
      wanted, Passwords(),
      [&](File&&) {
        if (++count == 10) stop.request_stop();
      },
      stop.get_token());
  CHECK(count == 10);
  CHECK_FALSE(summary.is_whole);
  const base::Error error = error_of(
      [&] { walk(wanted, Passwords(), [](File&&) { throw base::Error(base::Fault::io, "the store is full"); }, {}); });
  CHECK(error.message() == "the store is full");
  CHECK_FALSE(walk(
                  wanted, Passwords(), [](File&&) { FAIL_CHECK("seen though stopped"); }, stop.get_token())
                  .is_whole);
}

TEST_CASE("what the kernel makes up is not read, even where other devices are") {
  Walk wanted;
  wanted.roots = {"/proc/self", "/sys"};
  wanted.devices = Devices::all;
  int count = 0;
  const Summary summary = walk(wanted, Passwords(), [&](File&&) { ++count; }, {});
  CHECK(count == 0);
  CHECK(summary.other_devices == 2);
}

TEST_CASE("a device or socket that is named is told of and not opened") {
  CHECK(to_text(look_at_file("/dev/zero", Passwords())) == "none: ; not_regular");
  CHECK(to_text(look_at_file("/none/here.pem", Passwords())) == "none: ; not_found");
  const Tree tree;
  REQUIRE(::mkfifo((tree / "fifo").c_str(), 0600) == 0);
  CHECK(to_text(look_at_file(tree / "fifo", Passwords())) == "none: ; not_regular");
  tree.write("a.pem", a_certificate());
  fs::create_symlink("a.pem", tree / "link");
  CHECK(to_text(look_at_file(tree / "link", Passwords())) == "pem: 1 Root");
}

TEST_CASE("files in one directory are read by all threads, and results wait for a slow caller") {
  const Tree tree;
  for (int i = 0; i < 2'000; ++i) tree.write(fmt::format("{}", i), a_certificate());
  std::mutex mutex;
  std::set<std::thread::id> threads;
  Walk wanted;
  wanted.roots = {tree.path()};
  wanted.threads = 3;
  wanted.known = [&](const std::string&, const Stamp&) {
    const std::lock_guard lock(mutex);
    threads.insert(std::this_thread::get_id());
    std::this_thread::sleep_for(std::chrono::microseconds(50));
    return false;
  };
  int count = 0;
  walk(wanted, Passwords(),
       [&](File&& file) {
         if (++count == 1) std::this_thread::sleep_for(std::chrono::milliseconds(200));
         CHECK(file.digest == pki::sha256(base::as_bytes(a_certificate())));
       },
       {});
  CHECK(count == 2'000);
  CHECK(threads.size() == 3);
}

}  // namespace
}  // namespace everseal::discover
