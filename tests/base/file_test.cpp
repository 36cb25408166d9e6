#include "base/file.h"

#include "base/error.h"
#include "fakes/temporary_directory.h"
#include "skip.h"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <functional>
#include <thread>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace everseal::base;
using everseal::fakes::TemporaryDirectory;
namespace fs = std::filesystem;

namespace {

Fault fault_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.fault();
  }
  throw std::logic_error("nothing was thrown");
}

std::string text_of(const Directory& directory, const std::string& name) {
  const auto bytes = directory.read(name, 1 << 20);
  REQUIRE(bytes.has_value());
  return std::string(as_text(*bytes));
}

mode_t mode_of(const std::string& path) {
  struct stat status {};
  REQUIRE(::lstat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

// Runs `work` in a child that is user nobody; true where it returned true.
bool as_nobody(const std::function<bool()>& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(2);
    bool good = false;
    try {
      good = work();
    } catch (...) {
      ::_exit(3);
    }
    ::_exit(good ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

struct Umask {
  explicit Umask(mode_t mask) : before(::umask(mask)) {}
  ~Umask() { ::umask(before); }
  mode_t before;
};

}  // namespace

TEST_CASE("only single components are names below a directory") {
  const TemporaryDirectory temporary;
  const Directory directory = temporary.open();
  for (const std::string& name :
       {std::string(), std::string("."), std::string(".."), std::string("a/b"), std::string("/etc"),
        std::string("../x"), std::string("a\0b", 3), std::string(256, 'a')}) {
    CAPTURE(name);
    CHECK(fault_of([&] { directory.replace(name, as_bytes("x")); }) == Fault::invalid);
    CHECK(fault_of([&] { directory.write_new(name, as_bytes("x")); }) == Fault::invalid);
    CHECK(fault_of([&] { directory.switch_link(name, "x"); }) == Fault::invalid);
    CHECK(fault_of([&] { directory.rename("a", name); }) == Fault::invalid);
    CHECK(fault_of([&] { directory.rename(name, "a"); }) == Fault::invalid);
    CHECK(fault_of([&] { directory.remove(name); }) == Fault::invalid);
    CHECK(fault_of([&] { directory.remove_tree(name); }) == Fault::invalid);
    CHECK(fault_of([&] { directory.create_subdirectory(name, 0700); }) == Fault::invalid);
    CHECK(fault_of([&] { (void)directory.subdirectory(name); }) == Fault::invalid);
    CHECK(fault_of([&] { (void)directory.read(name, 1); }) == Fault::invalid);
    CHECK(fault_of([&] { (void)directory.has(name); }) == Fault::invalid);
    CHECK(fault_of([&] { (void)directory.read_link(name); }) == Fault::invalid);
  }
  CHECK(directory.list().empty());
  directory.replace(std::string(255, 'a'), as_bytes("longest"));
  directory.replace("\xff\x1b[2J", as_bytes("any octets"));
  CHECK(directory.list().size() == 2);
}

TEST_CASE("directories are created with their parents, with exactly the mode asked for") {
  const TemporaryDirectory temporary;
  const Umask umask(077);
  const Directory deep = Directory::create(temporary / "a//b/c/", 0755);
  CHECK(mode_of(temporary / "a") == 0755);
  CHECK(mode_of(temporary / "a/b/c") == 0755);
  CHECK(mode_of(deep.create_subdirectory("d", 0710).path()) == 0710);
  ::chmod((temporary / "a/b/c/d").c_str(), 0700);
  CHECK(mode_of(deep.create_subdirectory("d", 0710).path()) == 0700);  // an existing one is left as it is
  Directory::create(temporary / "a/b/c", 0700);
  CHECK(mode_of(temporary / "a/b/c") == 0755);

  deep.replace("file", as_bytes("x"));
  CHECK(fault_of([&] { deep.create_subdirectory("file", 0700); }) == Fault::io);
  CHECK(fault_of([&] { Directory::create(temporary / "a/b/c/file/x", 0700); }) == Fault::io);
  CHECK(fault_of([&] { Directory::create("", 0700); }) == Fault::invalid);
  CHECK(fault_of([&] { Directory::open(temporary / "none"); }) == Fault::not_found);
  CHECK(fault_of([&] { (void)deep.subdirectory("none"); }) == Fault::not_found);
  CHECK_FALSE(Directory::open_if_exists(temporary / "none"));
  CHECK_FALSE(deep.subdirectory_if_exists("none"));
}

TEST_CASE("a replaced file has its content, mode and owner, and nothing else is left") {
  const TemporaryDirectory temporary;
  const Directory directory = temporary.open();
  const Umask umask(0);
  directory.replace("key", as_bytes("first"));
  CHECK(mode_of(temporary / "key") == 0600);
  directory.replace("key", as_bytes("second"), {.mode = 0640});
  CHECK(text_of(directory, "key") == "second");
  CHECK(mode_of(temporary / "key") == 0640);
  directory.replace("key", {}, {.mode = 0400});
  CHECK(text_of(directory, "key").empty());
  CHECK(directory.list() == std::vector<std::string>{"key"});
  if (!everseal::skipped_without_root()) {
    directory.replace("key", as_bytes("x"), parse_ownership("65534:12345", 0440));
    struct stat status {};
    REQUIRE(::stat((temporary / "key").c_str(), &status) == 0);
    CHECK(status.st_uid == 65534);
    CHECK(status.st_gid == 12345);
    CHECK((status.st_mode & 07777) == 0440);
  }
  const Umask strict(0777);
  directory.replace("open", as_bytes("x"), {.mode = 0644});
  CHECK(mode_of(temporary / "open") == 0644);
}

TEST_CASE("a new file is never written over an old one") {
  const TemporaryDirectory temporary;
  const Directory directory = temporary.open();
  directory.write_new("a", as_bytes("old"));
  CHECK(fault_of([&] { directory.write_new("a", as_bytes("new")); }) == Fault::exists);
  CHECK(text_of(directory, "a") == "old");
  const NewFile several[] = {{"b", as_bytes("new")}, {"a", as_bytes("new")}, {"c", as_bytes("new")}};
  CHECK(fault_of([&] { directory.write_new(several); }) == Fault::exists);
  CHECK(text_of(directory, "a") == "old");
  CHECK(directory.list() == std::vector<std::string>{"a"});
  fs::create_symlink(temporary / "elsewhere", temporary / "link");
  CHECK(fault_of([&] { directory.write_new("link", as_bytes("new")); }) == Fault::exists);
  CHECK_FALSE(fs::exists(temporary / "elsewhere"));
}

TEST_CASE("a write that fails leaves the old file and no temporary one") {
  const TemporaryDirectory temporary;
  const Directory directory = temporary.open();
  directory.replace("a", as_bytes("old"));
  fs::create_directory(temporary / "directory");
  fs::create_directory(temporary / "directory/inner");
  CHECK_THROWS_AS(directory.replace("directory", as_bytes("x")), Error);
  CHECK_THROWS_AS(directory.switch_link("directory", "a"), Error);
  const pid_t child = ::fork();
  if (child == 0) {  // a limit on file sizes stands for a full disk
    rlimit limit{1024, 1024};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    ::signal(SIGXFSZ, SIG_IGN);
    try {
      directory.replace("a", Bytes(4096));
    } catch (const Error& error) {
      ::_exit(error.fault() == Fault::io ? 0 : 1);
    }
    ::_exit(2);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  CHECK(status == 0);
  CHECK(text_of(directory, "a") == "old");
  CHECK(directory.list() == std::vector<std::string>{"a", "directory"});
}

TEST_CASE("only regular files are read, and only up to the limit") {
  const TemporaryDirectory temporary;
  const Directory directory = temporary.open();
  directory.replace("ten", as_bytes("0123456789"));
  CHECK(text_of(directory, "ten") == "0123456789");
  CHECK(directory.read("ten", 10).has_value());
  CHECK(directory.read_secret("ten", 10)->reveal_text() == "0123456789");
  CHECK(fault_of([&] { (void)directory.read("ten", 9); }) == Fault::invalid);
  CHECK(fault_of([&] { (void)directory.read_secret("ten", 0); }) == Fault::invalid);
  CHECK_FALSE(directory.read("none", 10));
  CHECK_FALSE(directory.read_secret("none", 10));

  Bytes large(1'000'000);
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<std::uint8_t>(i * 31);
  directory.replace("large", large);
  CHECK(directory.read("large", 1 << 20) == large);

  fs::create_symlink("ten", temporary / "link");
  fs::create_directory(temporary / "directory");
  REQUIRE(::mkfifo((temporary / "fifo").c_str(), 0600) == 0);
  for (const char* const name : {"link", "directory", "fifo"}) {
    CAPTURE(name);
    CHECK(directory.has(name));
    CHECK(fault_of([&] { (void)directory.read(name, 100); }) == Fault::invalid);
    CHECK(fault_of([&] { (void)directory.read_secret(name, 100); }) == Fault::invalid);
  }
}

TEST_CASE("links are switched, read and never followed") {
  const TemporaryDirectory temporary;
  const Directory directory = temporary.open();
  directory.create_subdirectory("one", 0700);
  directory.switch_link("current", "one");
  CHECK(directory.read_link("current") == "one");
  directory.switch_link("current", "two");
  CHECK(directory.read_link("current") == "two");
  directory.switch_link("current", "one");
  CHECK_FALSE(directory.read_link("one"));
  CHECK_FALSE(directory.read_link("none"));
  CHECK_THROWS_AS((void)directory.subdirectory("current"), Error);
  CHECK_THROWS_AS(directory.create_subdirectory("current", 0700), Error);
  CHECK(Directory::open(temporary / "current").path() ==
        temporary / "current");                 // an operator's own path may have some
  directory.replace("current", as_bytes("x"));  // the link goes, what it named stays
  CHECK(directory.list() == std::vector<std::string>{"current", "one"});
}

TEST_CASE("trees are removed without following links out of them") {
  const TemporaryDirectory temporary;
  const Directory directory = temporary.open();
  Directory::create(temporary / "tree/a/b", 0700).replace("file", as_bytes("x"));
  Directory::create(temporary / "kept", 0700).replace("file", as_bytes("x"));
  fs::create_symlink(temporary / "kept", temporary / "tree/a/link");
  fs::create_symlink(temporary / "kept", temporary / "link");
  REQUIRE(::mkfifo((temporary / "tree/fifo").c_str(), 0600) == 0);
  directory.remove_tree("tree");
  directory.remove_tree("link");
  directory.remove_tree("none");
  directory.remove("none");
  CHECK(directory.list() == std::vector<std::string>{"kept"});
  CHECK_THROWS_AS(directory.remove("kept"), Error);
  CHECK(text_of(directory.subdirectory("kept"), "file") == "x");
  directory.rename("kept", "moved");
  CHECK(fault_of([&] { directory.rename("kept", "moved"); }) == Fault::not_found);
  CHECK(directory.list() == std::vector<std::string>{"moved"});

  std::string path = temporary.path();
  for (int i = 0; i < 200; ++i) fs::create_directory(path += "/d");
  CHECK(fault_of([&] { directory.remove_tree("d"); }) == Fault::invalid);
}

TEST_CASE("a directory that becomes a symlink while files are written leads nowhere else") {
  const TemporaryDirectory temporary;
  const std::string victim = temporary / "victim";
  fs::create_directories(temporary / "target/sub");
  fs::create_directory(victim);
  fs::create_symlink(victim, temporary / "target/swap");
  std::atomic<bool> done = false;
  std::jthread attacker([&done, sub = temporary / "target/sub", swap = temporary / "target/swap"] {
    constexpr unsigned kExchange = 2;  // RENAME_EXCHANGE
    while (!done) ::renameat2(AT_FDCWD, sub.c_str(), AT_FDCWD, swap.c_str(), kExchange);
  });
  const Directory directory = Directory::open(temporary / "target");
  int written = 0, refused = 0;
  for (int i = 0; i < 20'000 && (written < 50 || refused < 50); ++i) {
    try {
      const Directory sub = directory.create_subdirectory("sub", 0700);
      sub.replace("file", as_bytes("x"));
      sub.switch_link("link", "file");
      ++written;
    } catch (const Error&) {
      ++refused;
    }
  }
  done = true;
  attacker.join();
  CHECK(written > 0);
  CHECK(refused > 0);
  CHECK(fs::is_empty(victim));
}

TEST_CASE("files that an operator names are read and written") {
  const TemporaryDirectory temporary;
  write_file(temporary / "a", as_bytes("one"));
  CHECK(mode_of(temporary / "a") == 0600);
  write_file(temporary / "a", as_bytes("two"), {.mode = 0644});
  CHECK(mode_of(temporary / "a") == 0644);
  CHECK(as_text(read_file(temporary / "a", 100)) == "two");
  fs::create_symlink("a", temporary / "link");
  CHECK(as_text(read_file(temporary / "link", 100)) == "two");
  write_file(temporary / "link", as_bytes("three"));
  CHECK(as_text(read_file(temporary / "a", 100)) == "two");
  CHECK(as_text(read_file(temporary / "link", 100)) == "three");

  CHECK(fault_of([&] { (void)read_file(temporary / "none", 100); }) == Fault::not_found);
  CHECK(fault_of([&] { (void)read_file(temporary.path(), 100); }) == Fault::invalid);
  CHECK(fault_of([&] { (void)read_file(temporary / "a", 2); }) == Fault::invalid);
  CHECK(fault_of([&] { (void)read_file("/dev/zero", 1 << 20); }) == Fault::invalid);
  CHECK(fault_of([&] { write_file(temporary.path(), as_bytes("x")); }) == Fault::invalid);
  CHECK(fault_of([&] { write_file(temporary / "none/a", as_bytes("x")); }) == Fault::not_found);
  write_file("/dev/null", as_bytes("gone"));
  CHECK(fs::is_character_file("/dev/null"));
}

TEST_CASE("of what somebody else put there only regular files are read, by links too, and nothing is waited for") {
  const TemporaryDirectory temporary;
  temporary.open().replace("ten", as_bytes("0123456789"));
  fs::create_symlink("ten", temporary / "link");
  CHECK(read_regular_file(temporary / "ten", 10).reveal_text() == "0123456789");
  CHECK(read_regular_file(temporary / "link", 10).reveal_text() == "0123456789");
  CHECK(fault_of([&] { read_regular_file(temporary / "link", 9); }) == Fault::invalid);

  REQUIRE(::mkfifo((temporary / "fifo").c_str(), 0600) == 0);
  fs::create_symlink("fifo", temporary / "to-fifo");
  fs::create_symlink("none", temporary / "dangling");
  fs::create_symlink("loop", temporary / "loop");
  const std::pair<std::string, Fault> rejects[] = {
      {temporary / "fifo", Fault::invalid},
      {temporary / "to-fifo", Fault::invalid},
      {temporary.path(), Fault::invalid},
      {"/dev/zero", Fault::invalid},
      {temporary / "none", Fault::not_found},
      {temporary / "dangling", Fault::not_found},
      {temporary / "none/a", Fault::not_found},
      {temporary / "loop", Fault::io},
      {temporary / "ten/a", Fault::io},
      {temporary / std::string(300, 'a'), Fault::io},
      {"-", Fault::not_found},
  };
  for (const auto& [path, fault] : rejects) {
    CAPTURE(path);
    CHECK(fault_of([&] { read_regular_file(path, 10); }) == fault);
  }
}

TEST_CASE("what somebody else put there gets no secret") {
  if (everseal::skipped_without_root()) return;
  const TemporaryDirectory temporary;
  REQUIRE(::mkfifo((temporary / "fifo").c_str(), 0666) == 0);
  REQUIRE(::mkfifo((temporary / "roots").c_str(), 0600) == 0);
  temporary.open().replace("file", as_bytes("roots"));
  fs::create_directory(temporary / "strangers");
  for (const auto& [name, target] : {std::pair("to-fifo", "roots"), std::pair("to-null", "/dev/null"),
                                     std::pair("to-file", "file"), std::pair("dangling", "none")}) {
    fs::create_symlink(target, temporary / name);
    REQUIRE(::lchown((temporary / name).c_str(), 65534, 65534) == 0);
  }
  for (const char* const name : {"fifo", "strangers"}) REQUIRE(::chown((temporary / name).c_str(), 65534, 65534) == 0);
  const auto before = temporary.open().list();
  for (const char* const name : {"fifo", "to-fifo", "to-null", "to-file", "dangling"}) {
    CAPTURE(name);
    CHECK(fault_of([&] { write_file(temporary / name, as_bytes("key")); }) == Fault::denied);
  }
  CHECK(temporary.open().list() == before);
  CHECK(text_of(temporary.open(), "file") == "roots");

  // On the way, too: links of root's are followed, but for those that lie where the stranger may have moved them.
  fs::create_directory(temporary / "place");
  fs::create_directory_symlink("place", temporary / "roots-link");
  fs::create_directory_symlink(temporary / "place", temporary / "strangers/link");
  fs::create_directory_symlink(temporary / "place", temporary / "strangers-link");
  REQUIRE(::lchown((temporary / "strangers-link").c_str(), 65534, 65534) == 0);
  for (const char* const name : {"strangers/link/x", "strangers-link/x", "strangers/../strangers-link/x"}) {
    CAPTURE(name);
    CHECK(fault_of([&] { write_file(temporary / name, as_bytes("key")); }) == Fault::denied);
  }
  CHECK(fs::is_empty(temporary / "place"));
  write_file(temporary / "roots-link/x", as_bytes("one"));
  CHECK(text_of(Directory::open(temporary / "place"), "x") == "one");
  write_file(temporary / "strangers/x", as_bytes("two"));  // his directory, as somebody named it
  CHECK(text_of(Directory::open(temporary / "strangers"), "x") == "two");
}

TEST_CASE("descriptors that a shell made are read and written by their names") {
  const TemporaryDirectory temporary;
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  write_file("/dev/fd/" + std::to_string(ends[1]), as_bytes("through a pipe"));
  ::close(ends[1]);
  CHECK(as_text(read_file("/proc/self/fd/" + std::to_string(ends[0]), 100)) == "through a pipe");
  ::close(ends[0]);

  // What is redirected into a file is written behind what is there, and the name is not replaced.
  const FileDescriptor file(::open((temporary / "log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  write_file("/dev/fd/" + std::to_string(file.get()), as_bytes("one "));
  write_file("/dev/fd/" + std::to_string(file.get()), as_bytes("two"));
  CHECK(text_of(temporary.open(), "log") == "one two");
  CHECK(fault_of([] { write_file("/dev/fd/9999", as_bytes("x")); }) == Fault::io);
  CHECK(fault_of([] { (void)read_file("/dev/fd/9999", 10); }) == Fault::io);
}

TEST_CASE("a named pipe is not waited for where a file is to be read, and is written to") {
  const TemporaryDirectory temporary;
  REQUIRE(::mkfifo((temporary / "fifo").c_str(), 0600) == 0);
  CHECK(fault_of([&] { (void)read_file(temporary / "fifo", 100); }) == Fault::invalid);
  std::string received;
  std::jthread reader([&] {
    const FileDescriptor file(::open((temporary / "fifo").c_str(), O_RDONLY | O_CLOEXEC));
    std::array<char, 64> text{};
    const ssize_t count = ::read(file.get(), text.data(), text.size());
    received.assign(text.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
  });
  write_file(temporary / "fifo", as_bytes("into it"));
  reader.join();
  CHECK(received == "into it");
  CHECK(fs::is_fifo(temporary / "fifo"));
}

TEST_CASE("owners are names or numbers that exist") {
  CHECK(parse_ownership("root", 0600).user == 0U);
  CHECK_FALSE(parse_ownership("root", 0600).group);
  CHECK(parse_ownership("root:root", 0640).group == 0U);
  CHECK(parse_ownership("root:root", 0640).mode == 0640);
  CHECK(parse_ownership("12:34", 0600).user == 12U);
  CHECK(parse_ownership(":34", 0600).group == 34U);
  CHECK_FALSE(parse_ownership(":34", 0600).user);
  for (const std::string& owner : {std::string(), std::string(":"), std::string("root:"), std::string("no such user"),
                                   std::string("root:no-such-group"), std::string("-1"), std::string("4294967295"),
                                   std::string("4294967296"), std::string("0x0"), std::string("root\0", 5),
                                   std::string("root:root:root"), std::string(" root"), std::string("12 ")}) {
    CAPTURE(owner);
    CHECK(fault_of([&] { parse_ownership(owner, 0600); }) == Fault::config);
  }
}

TEST_CASE("secret files are read without their line end") {
  const TemporaryDirectory temporary;
  const Directory directory = temporary.open();
  for (const auto& [content, secret] :
       {std::pair("pass", "pass"), std::pair("pass\n", "pass"), std::pair("pass\r\n", "pass"),
        std::pair("pass\n\n", "pass"), std::pair("pass\r\n\r\n", "pass"),
        std::pair("two words\t\xc3\xa9\xff\n", "two words\t\xc3\xa9\xff"), std::pair(" pass \n", " pass ")}) {
    directory.replace("secret", as_bytes(content));
    CHECK(read_secret_file(temporary / "secret").reveal_text() == secret);
  }
  fs::create_symlink("secret", temporary / "link");  // as orchestrators mount them
  CHECK(read_secret_file(temporary / "link").reveal_text() == " pass ");
  ::setenv("CREDENTIALS_DIRECTORY", temporary.path().c_str(), 1);
  CHECK(read_secret_file("credential:secret").reveal_text() == " pass ");
  ::unsetenv("CREDENTIALS_DIRECTORY");
}

TEST_CASE("secret files that others can reach, or that hold none, are refused") {
  const TemporaryDirectory temporary;
  const Directory directory = temporary.open();
  for (const mode_t mode : {0640U, 0604U, 0620U, 0602U, 0610U, 0644U}) {
    CAPTURE(mode);
    directory.replace("open", as_bytes("pass"), {.mode = mode});
    CHECK(fault_of([&] { read_secret_file(temporary / "open"); }) == Fault::config);
  }
  directory.replace("empty", {});
  directory.replace("newline", as_bytes("\n"));
  directory.replace("large", Bytes(100'000, 'x'));
  REQUIRE(::mkfifo((temporary / "fifo").c_str(), 0600) == 0);
  for (const char* const name : {"empty", "newline", "large", "fifo", "none", "."}) {
    CAPTURE(name);
    CHECK(fault_of([&] { read_secret_file(temporary / name); }) == Fault::config);
  }
  CHECK(fault_of([&] { read_secret_file(""); }) == Fault::config);
  if (!everseal::skipped_without_root()) {
    directory.replace("strangers", as_bytes("pass"), parse_ownership("65534", 0600));
    CHECK(fault_of([&] { read_secret_file(temporary / "strangers"); }) == Fault::config);
  }
  ::unsetenv("CREDENTIALS_DIRECTORY");
  CHECK(fault_of([&] { read_secret_file("credential:secret"); }) == Fault::config);
  ::setenv("CREDENTIALS_DIRECTORY", (temporary / "sub").c_str(), 1);
  for (const char* const option : {"credential:", "credential:..", "credential:../newline", "credential:/etc/passwd"}) {
    CAPTURE(option);
    CHECK(fault_of([&] { read_secret_file(option); }) == Fault::config);
  }
  ::unsetenv("CREDENTIALS_DIRECTORY");
}

TEST_CASE("a refused secret file says nothing of what it holds") {
  const TemporaryDirectory temporary;
  const auto refusal_of = [&](std::string_view content, mode_t mode) {
    temporary.open().replace("secret", as_bytes(content), {.mode = mode});
    try {
      read_secret_file(temporary / "secret");
    } catch (const Error& error) {
      CHECK(error.fault() == Fault::config);
      CHECK(error.text().find("hunter2") == std::string::npos);
      CHECK(error.text().find(temporary / "secret") != std::string::npos);
      return error.text();
    }
    return std::string("accepted");
  };
  struct Case {
    std::string_view content;
    std::string_view rule;
  };
  const Case cases[] = {
      {"hunter2\nX-Injected: y\n", "more than one line"},
      {"hunter2\rX-Injected: y", "more than one line"},
      {"\nhunter2\n", "more than one line"},
      {"hunter2\n \n", "more than one line"},
      {std::string_view("hunter2\0", 8), "control character"},
      {std::string_view("hunter2\0x", 9), "control character"},
      {"hunter2\x1b[2J", "control character"},
      {"hunter2\x7f", "control character"},
      {"\xef\xbb\xbfhunter2\n", "byte order mark"},
      {"\r\n\r\n", "empty"},
  };
  for (const auto& [content, rule] : cases) {
    CAPTURE(rule);
    CHECK(refusal_of(content, 0600).find(rule) != std::string::npos);
  }
  CHECK(refusal_of("hunter2", 0644).find("chmod 600") != std::string::npos);
}

TEST_CASE("a secret document is read octet for octet") {
  const TemporaryDirectory temporary;
  for (const std::string_view content :
       {std::string_view("a\nb\n\n"), std::string_view("\x30\0\x0a", 3), std::string_view("\xef\xbb\xbf{}\r\n")}) {
    temporary.open().replace("document", as_bytes(content));
    CHECK(read_secret_document(temporary / "document").reveal_text() == content);
  }
  temporary.open().replace("document", as_bytes("x"), {.mode = 0640});
  CHECK(fault_of([&] { read_secret_document(temporary / "document"); }) == Fault::config);
}

TEST_CASE("a credential that systemd does not hand over is read from root's own directory") {
  // In a file system view of its own, where /etc is empty.
  const pid_t child = ::fork();
  if (child == 0) {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", "/etc", "tmpfs", 0, nullptr) != 0)
      ::_exit(77);
    int status = 1;
    try {
      const Directory credentials = Directory::create("/etc/everseal/credentials", 0700);
      credentials.replace("smtp", as_bytes("from etc\n"));
      credentials.replace("open", as_bytes("x\n"), {.mode = 0644});
      const Directory handed = Directory::create("/etc/handed", 0755);
      handed.replace("smtp", as_bytes("from systemd\n"), {.mode = 0440});
      const bool alone = read_secret_file("credential:smtp").reveal_text() == "from etc";
      ::setenv("CREDENTIALS_DIRECTORY", "/etc/handed", 1);
      const bool both = read_secret_file("credential:smtp").reveal_text() == "from systemd";
      const bool open = fault_of([] { read_secret_file("credential:open"); }) == Fault::config;
      const bool none = fault_of([] { read_secret_file("credential:none"); }) == Fault::config;
      status = alone && both && open && none ? 0 : 2;
    } catch (...) {
      status = 3;
    }
    ::_exit(status);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  if (WEXITSTATUS(status) == 77) {
    everseal::skip_test("this needs root and a mount namespace");
    return;
  }
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("only what root and the caller alone can change is trusted") {
  const TemporaryDirectory temporary;  // below a sticky /tmp
  const Directory directory = temporary.open();
  directory.replace("hook", as_bytes("x"), {.mode = 0755});
  require_trusted(temporary / "hook");
  require_trusted(temporary / "./../" + fs::path(temporary.path()).filename().string() + "//hook");
  require_trusted("/");
  fs::create_symlink("hook", temporary / "link");
  require_trusted(temporary / "link");

  const Directory open = directory.create_subdirectory("open", 0777);
  open.replace("hook", as_bytes("x"), {.mode = 0755});
  fs::create_symlink("open/hook", temporary / "through");
  fs::create_symlink(temporary / "open/../hook", temporary / "around");
  fs::create_symlink("loop", temporary / "loop");
  directory.replace("group", as_bytes("x"), {.mode = 0775});
  directory.replace("world", as_bytes("x"), {.mode = 0757});
  for (const char* const name :
       {"open/hook", "open", "through", "around", "loop", "group", "world", "none", "none/x", "hook/x"}) {
    CAPTURE(name);
    CHECK(fault_of([&] { require_trusted(temporary / name); }) == Fault::config);
  }
  CHECK(fault_of([&] { require_trusted(""); }) == Fault::config);
  ::chmod((temporary / "open").c_str(), 01777);
  require_trusted(temporary / "open/hook");
  if (!everseal::skipped_without_root()) {
    directory.replace("strangers", as_bytes("x"), parse_ownership("65534", 0755));
    CHECK(fault_of([&] { require_trusted(temporary / "strangers"); }) == Fault::config);
    REQUIRE(::lchown((temporary / "link").c_str(), 65534, 65534) == 0);
    CHECK(fault_of([&] { require_trusted(temporary / "link"); }) == Fault::config);
  }
}

TEST_CASE("root works in directories that nobody else can exchange") {
  if (everseal::skipped_without_root()) return;
  const TemporaryDirectory temporary;  // below a sticky /tmp
  const auto nobody = parse_ownership("nobody", 0);
  const std::vector<Ownership> owners{nobody};
  const auto make = [&](const std::string& name, uid_t user, mode_t mode) {
    fs::create_directory(temporary / name);
    REQUIRE(::chown((temporary / name).c_str(), user, static_cast<gid_t>(-1)) == 0);
    REQUIRE(::chmod((temporary / name).c_str(), mode) == 0);
  };
  make("roots", 0, 0755);
  make("roots/inner", 0, 0700);
  make("sticky", 0, 01777);
  make("sticky/roots", 0, 0755);
  make("nobodys", *nobody.user, 0755);
  make("nobodys/nobodys", *nobody.user, 0755);
  make("nobodys/roots", 0, 0755);
  make("open", 0, 0777);
  make("group", 0, 0775);
  make("group/roots", 0, 0755);
  REQUIRE(::chown((temporary / "group").c_str(), 0, 12) == 0);
  fs::create_directory_symlink("roots/inner", temporary / "link");
  fs::create_directory_symlink("nobodys", temporary / "to-nobodys");
  fs::create_directory_symlink("roots", temporary / "nobodys-link");
  REQUIRE(::lchown((temporary / "nobodys-link").c_str(), 65534, 65534) == 0);
  temporary.open().replace("file", as_bytes("x"));

  for (const char* const name : {"roots", "roots/inner", "roots/../roots//./inner", "sticky/roots", "sticky", "link"}) {
    CAPTURE(name);
    CHECK(open_trusted(temporary / name, {}));
  }
  CHECK(open_trusted(temporary / "nobodys", owners));
  CHECK(open_trusted(temporary / "nobodys/nobodys", owners));
  CHECK(open_trusted(temporary / "to-nobodys", owners));
  CHECK_FALSE(open_trusted(temporary / "none", owners));
  CHECK_FALSE(open_trusted(temporary / "none/none", owners));

  const auto refused = [&](const std::string& name, std::span<const Ownership> whose) {
    CAPTURE(name);
    CHECK(fault_of([&] { (void)open_trusted(temporary / name, whose); }) == Fault::denied);
  };
  refused("nobodys", {});
  fs::create_directory_symlink("nobodys", temporary / "nobodys/link");
  fs::create_directory_symlink("nobodys", temporary / "nobodys/roots-link");
  REQUIRE(::lchown((temporary / "nobodys/link").c_str(), 65534, 65534) == 0);
  for (const char* const name : {"nobodys/roots", "nobodys/link", "nobodys/roots-link", "to-nobodys/roots",
                                 "nobodys-link", "nobodys-link/inner", "open", "group", "group/roots"})
    refused(name, owners);
  const std::vector<Ownership> group{{.user = {}, .group = 12, .mode = 0640}};
  CHECK(open_trusted(temporary / "group", group));
  refused("group/roots", group);
  CHECK(fault_of([&] { (void)open_trusted(temporary / "file", {}); }) == Fault::io);
  CHECK(fault_of([&] { (void)open_trusted("", {}); }) == Fault::invalid);
}

TEST_CASE("a directory that is swapped for a link while root goes its way leads nowhere else") {
  if (everseal::skipped_without_root()) return;
  const TemporaryDirectory temporary, victim;
  for (const char* const name : {"home", "home/a", "home/a/b"}) {
    fs::create_directory(temporary / name);
    REQUIRE(::chown((temporary / name).c_str(), 65534, 65534) == 0);
  }
  fs::create_directory(victim / "b");
  std::atomic<bool> done = false;
  std::atomic<int> swaps = 0;
  std::jthread stranger([&] {
    std::error_code ignored;
    while (!done) {
      fs::rename(temporary / "home/a", temporary / "home/hidden", ignored);
      fs::create_directory_symlink(victim.path(), temporary / "home/a", ignored);
      [[maybe_unused]] const int changed = ::lchown((temporary / "home/a").c_str(), 65534, 65534);
      fs::remove(temporary / "home/a", ignored);
      fs::rename(temporary / "home/hidden", temporary / "home/a", ignored);
      ++swaps;
    }
  });
  int written = 0;
  for (int i = 0; i < 2000 || swaps < 200; ++i) {
    try {
      write_file(temporary / "home/a/b/out", as_bytes("x"));
      ++written;
    } catch (const Error&) {
      // To fail is right; what counts is where nothing was written.
    }
  }
  done = true;
  stranger.join();
  CHECK(written > 0);
  CHECK(fs::is_empty(victim / "b"));
}

TEST_CASE("two names are exchanged in one step") {
  const TemporaryDirectory temporary;
  const Directory one = temporary.open().create_subdirectory("one", 0700);
  const Directory two = temporary.open().create_subdirectory("two", 0700);
  one.replace("a", as_bytes("a"));
  two.switch_link("b", "elsewhere");
  one.exchange("a", two, "b");
  CHECK(one.read_link("a") == "elsewhere");
  CHECK(text_of(two, "b") == "a");
  CHECK(fault_of([&] { one.exchange("a", two, "none"); }) == Fault::not_found);
  CHECK(fault_of([&] { one.exchange("../a", two, "b"); }) == Fault::invalid);
}

TEST_CASE("what killed processes left half written is swept, and nothing else") {
  const TemporaryDirectory directory;
  const Directory here = Directory::open(directory.path());
  const std::string half = ".x.0123456789abcdef01234567";
  const std::string used = ".used.0123456789abcdef01234567";
  const std::string link = ".link.0123456789abcdef01234567";
  const std::vector<std::string> strangers{"x.0123456789abcdef01234567", ".x.0123456789abcdef0123456",
                                           ".x.0123456789ABCDEF01234567", ".0123456789abcdef01234567",
                                           ".x.0123456789abcdef01234567.toml"};
  for (const std::string& name : strangers) here.write_new(name, as_bytes("stays"));
  for (const std::string& name : {half, used}) here.write_new(name, as_bytes("half"));
  fs::create_symlink("nowhere", directory / link);
  fs::create_directory(directory / ".tree.0123456789abcdef01234567");
  const auto grow_old = [&](const std::string& name) {
    const timespec times[2] = {{.tv_sec = 1'000'000'000, .tv_nsec = 0}, {.tv_sec = 1'000'000'000, .tv_nsec = 0}};
    REQUIRE(::utimensat(here.descriptor(), name.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0);
  };
  here.sweep_temporaries();  // whoever makes one has a moment to lock it
  CHECK(here.has(half));
  CHECK(here.has(link));
  for (const std::string& name : {half, used, link}) grow_old(name);
  const FileDescriptor writer(::open((directory / used).c_str(), O_WRONLY | O_CLOEXEC));
  REQUIRE(::flock(writer.get(), LOCK_EX) == 0);
  here.sweep_temporaries([](const std::string& name) { return name.find("half") != std::string::npos; });
  CHECK(here.has(half));
  here.sweep_temporaries();
  CHECK_FALSE(here.has(half));
  CHECK_FALSE(here.has(link));
  CHECK(here.has(used));
  CHECK(here.has(".tree.0123456789abcdef01234567"));
  for (const std::string& name : strangers) CHECK(here.has(name));
  // What is written is locked from its first octet on until it has its name.
  int pipe[2];
  REQUIRE(::pipe2(pipe, O_CLOEXEC) == 0);
  const FileDescriptor source(pipe[0]);
  FileDescriptor end(pipe[1]);
  std::jthread copy([&] { here.copy_new("large", source.get()); });
  REQUIRE(::write(end.get(), "begun", 5) == 5);
  std::string growing;
  while (growing.empty()) {
    for (const std::string& name : here.list())
      if (name.starts_with(".large.")) growing = name;
    std::this_thread::yield();
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  grow_old(growing);
  here.sweep_temporaries();
  CHECK(here.has(growing));
  end.reset();
  copy.join();
  CHECK(text_of(here, "large") == "begun");
}

TEST_CASE("a large file is copied through a descriptor, and over nothing") {
  const TemporaryDirectory temporary;
  const Directory directory = temporary.open();
  Bytes large(3'000'001);
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<std::uint8_t>(i * 31);
  directory.replace("source", large);
  const FileDescriptor source(::open((temporary / "source").c_str(), O_RDONLY | O_CLOEXEC));
  directory.copy_new("copy", source.get(), {.mode = 0640});
  CHECK(directory.read("copy", 4'000'000) == large);
  CHECK(mode_of(temporary / "copy") == 0640);
  CHECK(fault_of([&] { directory.copy_new("copy", source.get()); }) == Fault::exists);
  CHECK(directory.list() == std::vector<std::string>{"copy", "source"});
}

TEST_CASE("unreadable and unwritable places are errors that say so") {
  if (everseal::skipped_without_root()) return;
  const TemporaryDirectory temporary;
  temporary.open().replace("secret", as_bytes("x"));
  ::chmod(temporary.path().c_str(), 0755);
  CHECK(as_nobody([&] {
    const Directory directory = temporary.open();
    try {
      directory.replace("a", as_bytes("x"));
    } catch (const Error& error) {
      return error.fault() == Fault::io && error.message().find("permission denied") != std::string::npos &&
             fault_of([&] { (void)directory.read("secret", 10); }) == Fault::io;
    }
    return false;
  }));
}

TEST_CASE("local file systems are not taken for network ones") {
  CHECK_FALSE(is_network_file_system("/dev"));
  CHECK_FALSE(is_network_file_system("/proc"));
  CHECK(fault_of([] { is_network_file_system("/none/such"); }) == Fault::not_found);
}
