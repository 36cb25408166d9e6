#include "base/error.h"
#include "base/process.h"
#include "deploy/deploy.h"
#include "error_of.h"
#include "fakes/deployment.h"
#include "fakes/issuing_ca.h"
#include "fakes/temporary_directory.h"
#include "skip.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace everseal;
using base::Directory;
using base::Fault;
using deploy::Target;
using fakes::Material;
using fakes::row;
using fakes::rows;
using fakes::text;
using fakes::words;
namespace fs = std::filesystem;

namespace {

const base::Name kWww = base::Name::parse("www");

std::string read(const std::string& path) { return std::string(base::as_text(base::read_file(path, 1 << 20))); }

void write(const std::string& path, const std::string& content, fs::perms mode = fs::perms::owner_all) {
  std::ofstream file(path);
  file << content;
  REQUIRE(file.flush());
  fs::permissions(path, mode);
}

struct stat status_of(const std::string& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status;
}

base::Table in(const std::string& directory, base::Table more = {}) {
  base::Table table{{"directory", text(directory)}};
  for (auto& one : more) table.push_back(std::move(one));
  return table;
}

std::unique_ptr<Target> files(const base::Table& table) {
  return deploy::find_kind("files")->open(fakes::deploy_options("files", table), kWww);
}

std::vector<std::string> problems_of(const base::Table& table) {
  std::vector<std::string> claims;
  return deploy::find_kind("files")->check(fakes::deploy_options("files", table), kWww, claims);
}

struct Fixture {
  fakes::TemporaryDirectory place;
  fakes::TemporaryDirectory secrets;
  fakes::IssuingCa ca;
  Material first{ca, "/archive/www/1"};
  Material second{ca, "/archive/www/2"};
  std::string directory = place.path();

  std::string key_text() const { return std::string(first.key.reveal_text()); }
  std::string chain_text() const { return first.chain[0].pem() + first.chain[1].pem(); }
  std::string password_file() const {
    const std::string path = secrets / "password";
    write(path, "secret\n", fs::perms::owner_read | fs::perms::owner_write);
    return path;
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "the servers' files are links to one current version") {
  const auto target = files(in(directory));
  target->stage(first.artifact(1));
  CHECK_FALSE(fs::exists(place / "fullchain.pem"));
  target->switch_to(1);
  CHECK(fs::read_symlink(place / "fullchain.pem") == ".everseal/www/current/fullchain.pem");
  CHECK(fs::read_symlink(place / "privkey.pem") == ".everseal/www/current/privkey.pem");
  CHECK(fs::read_symlink(place / ".everseal/www/current") == "1");
  CHECK(read(place / "fullchain.pem") == chain_text());
  CHECK(read(place / "privkey.pem") == key_text());
  CHECK((status_of(place / "privkey.pem").st_mode & 07777) == 0600);
  CHECK((status_of(place / "fullchain.pem").st_mode & 07777) == 0644);
  for (const char* way : {".everseal", ".everseal/www", ".everseal/www/1"})
    CHECK((status_of(place / way).st_mode & 07777) == 0755);

  const fs::path before = fs::read_symlink(place / "fullchain.pem");
  target->stage(second.artifact(2));
  target->switch_to(2);
  CHECK(fs::read_symlink(place / "fullchain.pem") == before);
  CHECK(read(place / "fullchain.pem") == second.chain[0].pem() + second.chain[1].pem());
}

TEST_CASE_FIXTURE(Fixture, "a strict umask does not lock servers out") {
  const mode_t before = ::umask(0077);
  const auto target = files(in(directory));
  target->stage(first.artifact(1));
  target->switch_to(1);
  ::umask(before);
  CHECK((status_of(place / ".everseal/www/1").st_mode & 07777) == 0755);
  CHECK((status_of(place / "fullchain.pem").st_mode & 07777) == 0644);
}

TEST_CASE_FIXTURE(Fixture, "every content says what its name says, under its usual name or another") {
  const auto target = files(in(
      directory, {{"contents", rows({text("fullchain"), text("privkey"), text("cert"), text("chain"), text("combined"),
                                     text("p12"), row({{"content", text("cert")}, {"file", text("leaf.crt")}})})},
                  {"p12_password_file", text(password_file())}}));
  target->stage(first.artifact(1));
  target->switch_to(1);
  CHECK(read(place / "cert.pem") == first.chain[0].pem());
  CHECK(read(place / "leaf.crt") == first.chain[0].pem());
  CHECK(read(place / "chain.pem") == first.chain[1].pem());
  CHECK(read(place / "combined.pem") == key_text() + chain_text());
  CHECK((status_of(place / "combined.pem").st_mode & 07777) == 0600);
  CHECK((status_of(place / "www.p12").st_mode & 07777) == 0600);
  CHECK(target->differences(first.artifact(1)).empty());
}

TEST_CASE_FIXTURE(Fixture, "a CRL and a trust bundle are published like a certificate") {
  const base::Bytes crl = ca.crl();
  const auto target = files(in(directory, {{"contents", rows({text("crl"), text("crl_pem"), text("bundle")})}}));
  const deploy::Artifact published{.name = kWww,
                                   .number = 7,
                                   .chain = {},
                                   .key_pem = nullptr,
                                   .crl = crl,
                                   .bundle = {ca.certificate()},
                                   .directory = {}};
  target->stage(published);
  target->switch_to(7);
  CHECK(base::read_file(place / "crl.der", 1 << 20) == crl);
  CHECK(read(place / "crl.pem").starts_with("-----BEGIN X509 CRL-----"));
  CHECK(target->differences(published).empty());
  fs::remove(place / "crl.der");
  write(place / "crl.der", "somebody else's");
  CHECK(target->differences(published).size() == 1);
}

TEST_CASE_FIXTURE(Fixture, "what an artifact does not have is a config error that names it, and nothing is switched") {
  auto keyless = first.artifact(1);
  keyless.key_pem = nullptr;
  for (const char* content : {"privkey", "combined", "p12", "crl", "crl_pem", "bundle"}) {
    CAPTURE(content);
    const auto target = files(in(
        directory, {{"contents", rows({text("cert"), text(content)})}, {"p12_password_file", text(password_file())}}));
    const base::Error error = error_of([&] { target->stage(keyless); });
    CHECK(error.fault() == Fault::config);
    CHECK(error.message().find(content) != std::string::npos);
    CHECK_FALSE(target->has(1));
  }
}

TEST_CASE_FIXTURE(Fixture, "openssl opens both forms of the PKCS#12 file with the password") {
  for (const char* form : {"modern", "compatible"}) {
    CAPTURE(form);
    const auto target = files(in(
        directory,
        {{"contents", rows({text("p12")})}, {"p12_password_file", text(password_file())}, {"p12_form", text(form)}}));
    target->stage(first.artifact(1));
    target->switch_to(1);
    const auto open = [&](const char* password) {
      return base::run({.argv = {"openssl", "pkcs12", "-in", place / "www.p12", "-nodes", "-passin", password}});
    };
    const base::Exit exit = open("pass:secret");
    CHECK(exit.success());
    CHECK(exit.output.find(first.chain[0].pem()) != std::string::npos);
    CHECK(exit.output.find("BEGIN PRIVATE KEY") != std::string::npos);
    CHECK_FALSE(open("pass:wrong").success());
    target->remove();
  }
}

TEST_CASE_FIXTURE(Fixture, "owner and mode are the target's, or the file's own") {
  const auto target = files(
      in(directory, {{"contents", rows({text("privkey"), row({{"content", text("cert")}, {"mode", text("0444")}})})},
                     {"mode", text("0640")}}));
  target->stage(first.artifact(1));
  target->switch_to(1);
  CHECK((status_of(place / "privkey.pem").st_mode & 07777) == 0640);
  CHECK((status_of(place / "cert.pem").st_mode & 07777) == 0444);
  if (skipped_without_root()) return;

  const auto owned =
      files(in(directory,
               {{"contents", rows({text("privkey"), row({{"content", text("cert")}, {"owner", text("daemon:bin")}})})},
                {"owner", text("nobody")},
                {"mode", text("0640")}}));
  owned->stage(first.artifact(2));
  owned->switch_to(2);
  const auto nobody = base::parse_ownership("nobody", 0);
  const auto daemon = base::parse_ownership("daemon:bin", 0);
  CHECK(status_of(place / "privkey.pem").st_uid == *nobody.user);
  CHECK((status_of(place / "privkey.pem").st_mode & 07777) == 0640);
  CHECK(status_of(place / "cert.pem").st_uid == *daemon.user);
  CHECK(status_of(place / "cert.pem").st_gid == *daemon.group);
}

TEST_CASE_FIXTURE(Fixture, "an unknown owner is a config error") {
  const auto target = files(in(directory, {{"owner", text("no-such-user-here")}}));
  CHECK(error_of([&] { target->stage(first.artifact(1)); }).fault() == Fault::config);
  CHECK_FALSE(target->has(1));
}

TEST_CASE_FIXTURE(Fixture, "a missing directory is not made") {
  const auto target = files(in(place / "slip"));
  const base::Error error = error_of([&] { target->stage(first.artifact(1)); });
  CHECK(error.fault() == Fault::config);
  CHECK(error.hint().find("create it first") != std::string::npos);
  CHECK_FALSE(fs::exists(place / "slip"));
  CHECK_FALSE(target->current());
  CHECK_FALSE(target->has(1));
}

TEST_CASE_FIXTURE(Fixture,
                  "a file that was there before is kept, where a server that loads the directory does not look") {
  write(place / "fullchain.pem", "the old one");
  fs::create_symlink("/etc/hostname", place / "privkey.pem");
  const auto target = files(in(directory));
  target->stage(first.artifact(1));
  CHECK(read(place / "fullchain.pem") == "the old one");
  target->switch_to(1);
  const std::string kept = place / ".everseal/.before/";
  CHECK(place.open().list() == std::vector<std::string>{".everseal", "fullchain.pem", "privkey.pem"});
  CHECK(read(kept + "fullchain.pem") == "the old one");
  CHECK(fs::read_symlink(kept + "privkey.pem") == "/etc/hostname");
  CHECK((status_of(kept).st_mode & 07777) == 0700);
  CHECK(read(place / "fullchain.pem") == chain_text());

  // Another program writes its own again and again: nothing of it is lost, and nothing stops.
  for (const char* const content : {"a newer one of somebody's", "the newest"}) {
    fs::remove(place / "fullchain.pem");
    write(place / "fullchain.pem", content);
    target->stage(second.artifact(2));
    target->switch_to(2);
    CHECK(read(place / "fullchain.pem") == second.chain[0].pem() + second.chain[1].pem());
  }
  CHECK(read(kept + "fullchain.pem") == "the old one");
  CHECK(read(kept + "fullchain.pem.2") == "a newer one of somebody's");
  CHECK(read(kept + "fullchain.pem.3") == "the newest");
  target->prune({});
  CHECK(Directory::open(kept).list().size() == 4);
}

TEST_CASE_FIXTURE(Fixture, "what was kept beside the files by an earlier Everseal is taken from there") {
  const auto target = files(in(directory));
  target->stage(first.artifact(1));
  target->switch_to(1);
  write(place / "fullchain.pem.before-everseal", "the old one");
  write(place / "unrelated.pem.before-everseal", "not ours");
  target->switch_to(1);
  CHECK(read(place / ".everseal/.before/fullchain.pem") == "the old one");
  CHECK(place.open().list() ==
        std::vector<std::string>{".everseal", "fullchain.pem", "privkey.pem", "unrelated.pem.before-everseal"});
}

TEST_CASE_FIXTURE(Fixture, "a server finds each file at every moment of its adoption") {
  for (int turn = 0; turn < 50; ++turn) {
    write(place / "fullchain.pem", "the old one");
    const auto target = files(in(directory, {{"contents", rows({text("fullchain")})}}));
    target->stage(first.artifact(1));
    std::atomic<bool> done = false;
    std::atomic<int> looks = 0, gone = 0;
    std::jthread server([&] {
      while (!done) {
        if (::access((place / "fullchain.pem").c_str(), R_OK) != 0) ++gone;
        ++looks;
      }
    });
    while (looks == 0) std::this_thread::yield();
    target->switch_to(1);
    done = true;
    server.join();
    CHECK(gone == 0);
    target->remove();
  }
}

TEST_CASE_FIXTURE(Fixture, "a run that ended in the middle of an adoption leaves nothing in the next one's way") {
  write(place / "fullchain.pem", "the old one");
  const auto target = files(in(directory));
  target->stage(first.artifact(1));
  fs::create_directories(place / ".everseal/.before");
  fs::create_symlink(".everseal/www/current/fullchain.pem", place / ".everseal/.before/fullchain.pem");
  target->switch_to(1);
  CHECK(read(place / ".everseal/.before/fullchain.pem") == "the old one");
  CHECK(read(place / "fullchain.pem") == chain_text());
}

TEST_CASE_FIXTURE(Fixture, "as root only a directory that nobody else can exchange is deployed to") {
  if (skipped_without_root()) return;
  const auto nobody = base::parse_ownership("nobody", 0);
  const auto give = [&](const std::string& path) {
    REQUIRE(::lchown(path.c_str(), *nobody.user, static_cast<gid_t>(-1)) == 0);
  };
  fs::create_directories(place / "roots");
  fs::create_directories(place / "home/tls");
  write(place / "roots/privkey.pem", "precious");
  give(place / "home");
  give(place / "home/tls");
  fs::create_directory_symlink(place / "roots", place / "home/link");
  give(place / "home/link");
  for (const std::string& path : {place / "home", place / "home/tls", place / "home/link", place / "home/link/."}) {
    CAPTURE(path);
    const auto target = files(in(path));
    for (const auto& step :
         {std::function<void()>([&] { target->stage(first.artifact(1)); }),
          std::function<void()>([&] { target->switch_to(1); }), std::function<void()>([&] { target->prune({}); }),
          std::function<void()>([&] { target->remove(); })}) {
      const base::Error error = error_of(step);
      CHECK(error.fault() == Fault::denied);
      CHECK_FALSE(error.hint().empty());
    }
  }
  CHECK(Directory::open(place / "roots").list() == std::vector<std::string>{"privkey.pem"});
  CHECK(read(place / "roots/privkey.pem") == "precious");
  // The files' owner may own the directory itself, and root's links are followed.
  const auto his = files(in(place / "home", {{"owner", text("nobody")}}));
  his->stage(first.artifact(1));
  his->switch_to(1);
  CHECK(his->current() == 1);
  fs::create_directory_symlink("roots", place / "link");
  const auto linked = files(in(place / "link"));
  linked->stage(first.artifact(1));
  linked->switch_to(1);
  CHECK(fs::is_symlink(place / "roots/privkey.pem"));
}

TEST_CASE_FIXTURE(Fixture, "staging writes the same once, and other contents beside what is served") {
  const auto plain = files(in(directory, {{"contents", rows({text("cert")})}}));
  plain->stage(first.artifact(1));
  plain->switch_to(1);
  const ino_t inode = status_of(place / "cert.pem").st_ino;
  plain->stage(first.artifact(1));
  plain->switch_to(1);
  CHECK(status_of(place / "cert.pem").st_ino == inode);

  const auto more = files(in(directory, {{"contents", rows({text("cert"), text("privkey")})}, {"mode", text("0600")}}));
  more->stage(first.artifact(1));
  CHECK(status_of(place / "cert.pem").st_ino == inode);
  CHECK(more->current() == 1);
  more->switch_to(1);
  CHECK(more->current() == 1);
  CHECK((status_of(place / "cert.pem").st_mode & 07777) == 0600);
  CHECK(read(place / "privkey.pem") == key_text());
  more->prune({});
  CHECK(place.open().subdirectory(".everseal").subdirectory("www").list() ==
        std::vector<std::string>{"1.1", "current"});
  CHECK(read(place / "privkey.pem") == key_text());
}

TEST_CASE_FIXTURE(Fixture, "a PKCS#12 file that says the same is not written again, and is under a new password") {
  const auto target =
      files(in(directory, {{"contents", rows({text("p12")})}, {"p12_password_file", text(password_file())}}));
  target->stage(first.artifact(1));
  target->switch_to(1);
  const ino_t inode = status_of(place / "www.p12").st_ino;
  target->stage(first.artifact(1));
  target->switch_to(1);
  CHECK(status_of(place / "www.p12").st_ino == inode);
  write(secrets / "password", "another", fs::perms::owner_read | fs::perms::owner_write);
  target->stage(first.artifact(1));
  target->switch_to(1);
  CHECK(status_of(place / "www.p12").st_ino != inode);
}

TEST_CASE_FIXTURE(Fixture, "a half-written version is removed, and links that nobody configures any more are pruned") {
  const auto wide = files(in(directory, {{"contents", rows({text("cert"), text("chain")})}}));
  wide->stage(first.artifact(1));
  wide->switch_to(1);
  fs::create_directories(place / ".everseal/www/.2.tmp/deep");
  write(place / ".everseal/www/.2.tmp/cert.pem", "half");
  const auto narrow = files(in(directory, {{"contents", rows({text("cert")})}}));
  narrow->stage(second.artifact(2));
  narrow->switch_to(2);
  CHECK(read(place / "cert.pem") == second.chain[0].pem());
  narrow->prune({});
  CHECK_FALSE(fs::is_symlink(place / "chain.pem"));
  CHECK(place.open().subdirectory(".everseal").subdirectory("www").list() == std::vector<std::string>{"2", "current"});
}

TEST_CASE_FIXTURE(Fixture, "removing leaves alone what is not ours") {
  write(place / "fullchain.pem", "the old one");
  write(place / "unrelated", "x");
  fs::create_symlink(".everseal/other/current/other.pem", place / "other.pem");
  const auto target = files(in(directory));
  target->stage(first.artifact(1));
  target->switch_to(1);
  fs::create_directory(place / ".everseal/other");
  fs::remove(place / "privkey.pem");
  write(place / "privkey.pem", "put there by hand");
  target->remove();
  CHECK(place.open().list() == std::vector<std::string>{".everseal", "other.pem", "privkey.pem", "unrelated"});
  CHECK(place.open().subdirectory(".everseal").list() == std::vector<std::string>{".before", "other"});
}

TEST_CASE_FIXTURE(Fixture, "a directory that is away is not taken for one that was emptied") {
  fs::create_directory(place / "disk");
  const auto target = files(in(place / "disk"));
  target->stage(first.artifact(1));
  target->switch_to(1);
  fs::rename(place / "disk", place / "elsewhere");
  for (const bool dangling : {false, true}) {
    if (dangling) fs::create_symlink("nowhere", place / "disk");
    const base::Error error = error_of([&] { target->remove(); });
    CHECK(error.fault() == Fault::not_found);
    CHECK(error.hint().find("mkdir -p") != std::string::npos);
  }
  fs::remove(place / "disk");
  fs::rename(place / "elsewhere", place / "disk");
  CHECK(target->remove());
  CHECK_FALSE(target->remove());
}

TEST_CASE_FIXTURE(Fixture, "the reload is told what was deployed, and its end is reported as it is") {
  CHECK_FALSE(files(in(directory))->reload({}));
  for (const char* action : {"reload", "restart"}) {
    const auto target = files(in(directory, {{action, words({"/usr/bin/env"})}}));
    target->stage(first.artifact(1));
    target->switch_to(1);
    const auto exit = target->reload({});
    REQUIRE(exit);
    CHECK(exit->success());
    CHECK(exit->output.find("EVERSEAL_ACTION=" + std::string(action) + "\n") != std::string::npos);
    CHECK(exit->output.find("EVERSEAL_NAME=www\n") != std::string::npos);
    CHECK(exit->output.find("EVERSEAL_VERSION=1\n") != std::string::npos);
    CHECK(exit->output.find("EVERSEAL_DIRECTORY=" + directory + "\n") != std::string::npos);
    CHECK(exit->output.find("PRIVATE KEY") == std::string::npos);
  }
  const auto failing = files(in(directory, {{"reload", words({"/bin/sh", "-c", "exit 3"})}}))->reload({});
  CHECK(failing->how == base::Exit::How::exited);
  CHECK(failing->status == 3);
  const auto slow =
      files(in(directory, {{"reload", words({"/bin/sleep", "60"})}, {"timeout", text("1s")}}))->reload({});
  CHECK(slow->how == base::Exit::How::timed_out);
  if (skipped_without_root()) return;
  const auto as_user = files(in(directory, {{"reload", words({"/usr/bin/id", "-un"})}, {"user", text("nobody")}}));
  CHECK(as_user->reload({})->output == "nobody\n");
}

TEST_CASE_FIXTURE(Fixture, "root runs no hook that others can change") {
  if (skipped_without_root()) return;
  const std::string hook = place / "hook";
  write(hook, "#!/bin/sh\nexit 0\n", fs::perms::all);
  const base::Table table = in(directory, {{"reload", words({hook})}});
  CHECK(problems_of(table).empty());  // who reads the config looks at no hook
  CHECK(error_of([&] { files(table)->reload({}); }).fault() == Fault::config);
  fs::permissions(hook, fs::perms::owner_all);
  CHECK(problems_of(table).empty());
  CHECK(files(table)->reload({})->success());
}

TEST_CASE("a configuration that cannot work is refused, one that can is accepted") {
  const base::Table accepts[] = {
      in("/srv/tls"),
      in("/srv/tls", {{"reload", words({"no-such-program-on-this-host"})}}),
      in("/srv/tls", {{"contents", rows({text("p12")})}, {"p12_password_file", text("credential:p12")}}),
      in("/srv/tls", {{"mode", text("0640")}, {"owner", text("root:ssl-cert")}}),
      in("/srv/tls", {{"contents", rows({text("cert"), row({{"content", text("cert")}, {"file", text("b.pem")}})})}}),
  };
  for (const base::Table& table : accepts) {
    const auto problems = problems_of(table);
    CHECK_MESSAGE(problems.empty(), (problems.empty() ? "" : problems.front()));
  }
  const auto named = [](const char* file) {
    return in("/srv/tls", {{"contents", rows({row({{"content", text("cert")}, {"file", text(file)}})})}});
  };
  const base::Table rejects[] = {
      in("relative/tls"),
      named(""),
      named("."),
      named(".."),
      named("a/b"),
      named("/etc/passwd"),
      named(".everseal"),
      named("a\nb"),
      named("\x1b[2J"),
      named(std::string(201, 'a').c_str()),
      in("/srv/tls", {{"contents", rows({})}}),
      in("/srv/tls", {{"contents", rows({text("cert"), text("cert")})}}),
      in("/srv/tls",
         {{"contents", rows({text("cert"), row({{"content", text("chain")}, {"file", text("cert.pem")}})})}}),
      in("/srv/tls", {{"contents", rows({text("p12")})}}),
      in("/srv/tls", {{"reload", words({"true"})}, {"restart", words({"true"})}}),
      in("/srv/tls", {{"mode", text("0644")}}),
      in("/srv/tls", {{"mode", text("4600")}}),
  };
  int index = 0;
  for (const base::Table& table : rejects) {
    CAPTURE(index++);
    CHECK_FALSE(problems_of(table).empty());
  }
}

TEST_CASE("a target claims its files and its own directory") {
  std::vector<std::string> claims;
  deploy::find_kind("files")->check(fakes::deploy_options("files", in("/srv//tls/./")), kWww, claims);
  CHECK(claims == std::vector<std::string>{"/srv/tls/fullchain.pem", "/srv/tls/privkey.pem", "/srv/tls/.everseal/www"});
}

TEST_CASE_FIXTURE(Fixture, "a full disk leaves what is served as it was") {
  if (::mount("tmpfs", directory.c_str(), "tmpfs", 0, "size=64k,mode=0755") != 0) {
    skip_test("this needs the right to mount a tmpfs");
    return;
  }
  const auto target = files(in(directory));
  target->stage(first.artifact(1));
  target->switch_to(1);
  {
    std::ofstream filler(place / "filler", std::ios::binary);
    const std::string page(4096, 'x');
    while (filler.write(page.data(), static_cast<std::streamsize>(page.size())) && filler.flush()) {
    }
  }
  const base::Error error = error_of([&] { target->stage(second.artifact(2)); });
  CHECK(error.fault() == Fault::io);
  CHECK(target->current() == 1);
  CHECK_FALSE(target->has(2));
  CHECK(read(place / "fullchain.pem") == chain_text());
  CHECK(read(place / "privkey.pem") == key_text());
  CHECK(place.open().subdirectory(".everseal").subdirectory("www").list() == std::vector<std::string>{"1", "current"});
  fs::remove(place / "filler");
  target->stage(second.artifact(2));
  target->switch_to(2);
  CHECK(target->current() == 2);
  CHECK(::umount(directory.c_str()) == 0);
}

TEST_CASE_FIXTURE(Fixture, "symbolic links put in the way by the directory's owner lead nowhere else") {
  if (skipped_without_root()) return;
  const auto nobody = base::parse_ownership("nobody", 0);
  REQUIRE(::chown(directory.c_str(), *nobody.user, static_cast<gid_t>(-1)) == 0);
  const fakes::TemporaryDirectory victim;
  const std::string precious = victim / "precious";
  write(precious, "untouched");
  for (const char* inside : {"www", "www/1", "www/.1.tmp"}) fs::create_directories(victim / inside);
  const auto tree_of = [&] {
    std::vector<std::string> all;
    for (const auto& entry : fs::recursive_directory_iterator(victim.path())) all.push_back(entry.path().string());
    std::ranges::sort(all);
    return all;
  };
  const auto before = tree_of();

  std::atomic<bool> done = false;
  std::atomic<int> swaps = 0;
  std::thread owner([&] {
    std::error_code ignored;
    // Each component in turn becomes a link into the victim's directory and then what it was.
    const std::pair<std::string, std::string> traps[] = {
        {place / ".everseal", victim.path()},
        {place / ".everseal/www", victim / "www"},
        {place / ".everseal/www/.1.tmp", victim / "www/.1.tmp"},
        {place / ".everseal/www/.2.tmp", victim.path()},
        {place / "fullchain.pem", precious},
    };
    while (!done) {
      for (const auto& [component, target] : traps) {
        fs::rename(component, place / "hidden", ignored);
        fs::create_symlink(target, component, ignored);
        std::this_thread::yield();
        fs::remove(component, ignored);
        fs::rename(place / "hidden", component, ignored);
        ++swaps;
      }
    }
  });
  int succeeded = 0;
  const auto attempt = [&](auto&& work) {
    try {
      work();
      ++succeeded;
    } catch (const base::Error&) {
      // To fail is right; what counts is where nothing was written.
    }
  };
  const auto target = files(in(directory, {{"owner", text("nobody")}}));
  for (int i = 0; i < 300 || swaps < 1000; ++i) {
    const int number = i % 2 + 1;
    attempt([&] { target->stage((number == 1 ? first : second).artifact(number)); });
    attempt([&] { target->switch_to(number); });
    attempt([&] { target->current(); });
    attempt([&] { target->prune({}); });
    if (i % 10 == 9) attempt([&] { target->remove(); });
  }
  done = true;
  owner.join();
  CHECK(succeeded > 0);
  CHECK(tree_of() == before);
  CHECK(read(precious) == "untouched");
  CHECK((status_of(victim.path()).st_mode & 07777) == 0700);
}

TEST_CASE_FIXTURE(Fixture, "what stands otherwise than it was deployed is told, and deploying again mends it") {
  struct Row {
    std::string about;
    std::function<void()> damage;
    bool stands;
    std::string difference;  // {} is the directory
  };
  const std::string current = directory + "/.everseal/www/current";
  const Row all[] = {
      {"nothing is damaged", [] {}, true, ""},
      {"the key is changed",
       [&] { write(current + "/privkey.pem", std::string(second.key.reveal_text()), fs::perms(0600)); }, true,
       "{}/privkey.pem does not hold what was deployed"},
      {"the certificate is cut", [&] { fs::resize_file(current + "/fullchain.pem", 100); }, true,
       "{}/fullchain.pem does not hold what was deployed"},
      {"the key is readable by others", [&] { fs::permissions(current + "/privkey.pem", fs::perms(0644)); }, true,
       "{}/privkey.pem has the mode 0644, not 0600"},
      {"the key is gone", [&] { fs::remove(current + "/privkey.pem"); }, false, "{}/privkey.pem is missing"},
      {"the key's link is gone", [&] { fs::remove(directory + "/privkey.pem"); }, false, "{}/privkey.pem is missing"},
      {"a file stands where the link was",
       [&] {
         fs::remove(directory + "/privkey.pem");
         write(directory + "/privkey.pem", "foreign");
       },
       false, "{}/privkey.pem was not made by Everseal"},
      {"all files are gone",
       [&] {
         for (const auto& entry : fs::directory_iterator(directory)) fs::remove_all(entry);
       },
       false, "nothing of www is in place in {}"},
      {"an older version is current",
       [&] {
         const auto target = files(in(directory));
         target->stage(second.artifact(2));
         target->switch_to(2);
       },
       false, "{} holds version 2, not 1"},
  };
  for (const Row& one : all) {
    CAPTURE(one.about);
    for (const auto& entry : fs::directory_iterator(directory)) fs::remove_all(entry);
    const auto target = files(in(directory));
    target->stage(first.artifact(1));
    target->switch_to(1);
    one.damage();
    CHECK(target->stands(1) == one.stands);
    CHECK_FALSE(target->stands(3));
    const std::vector<std::string> found = target->differences(first.artifact(1));
    CHECK(found.size() == (one.difference.empty() ? 0 : 1));
    if (!found.empty()) CHECK(found.front() == fmt::format(fmt::runtime(one.difference), directory));
    target->stage(first.artifact(1));
    target->switch_to(1);
    CHECK(target->stands(1));
    CHECK(target->differences(first.artifact(1)).empty());
  }
  fs::remove_all(directory);
  const auto target = files(in(directory));
  CHECK_FALSE(target->stands(1));
  CHECK(target->differences(first.artifact(1)).front() == fmt::format("the directory {} is missing", directory));
  fs::create_directory(directory);
}
