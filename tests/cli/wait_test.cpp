#include "base/lock.h"
#include "cli/host.h"

#include <chrono>
#include <thread>

#include <doctest/doctest.h>

using namespace everseal;
using std::chrono::seconds;
using std::chrono::steady_clock;
using test::Words;

namespace {

// What another run holds: this process is that run.
class Held {
 public:
  Held(const test::Host& host, const std::string& name)
      : lock_(base::FileLock::try_acquire(base::Directory::open(host.folder.file("state/locks")), name)) {
    REQUIRE(lock_.has_value());
  }
  void release() { lock_.reset(); }

 private:
  std::optional<base::FileLock> lock_;
};

template <class Work>
steady_clock::duration time_of(Work work) {
  const auto begun = steady_clock::now();
  work();
  return steady_clock::now() - begun;
}

const std::string kThisProcess = "process " + std::to_string(::getpid());

}  // namespace

TEST_CASE("a command waits for another run for as long as --wait says, and names it when the time is up") {
  const test::Host host;
  const Held lease(host, "reconciler");
  for (const Words& words : {Words{"renew"}, Words{"ca", "crl", "corp"}, Words{"doctor", "--mend"}}) {
    CAPTURE(base::join(words, " "));
    Words waiting = words;
    waiting.insert(waiting.end(), {"--wait", "1s"});
    base::Exit exit;
    CHECK(time_of([&] { exit = host.run(waiting, 75); }) >= seconds(1));
    CHECK(exit.errors.find("another run works on") != std::string::npos);
    CHECK(exit.errors.find(kThisProcess) != std::string::npos);
  }
  const base::Exit at_once = host.run({"renew"}, 75);
  CHECK(at_once.errors.find("--wait 5m") != std::string::npos);
  const nlohmann::json document = host.json({"--wait", "0", "renew"}, 75);
  CHECK(document["error"]["fault"] == "busy");
}

TEST_CASE("a command goes on as soon as the other run has ended") {
  const test::Host host;
  Held lease(host, "reconciler");
  const std::jthread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    lease.release();
  });
  CHECK(time_of([&] { host.run({"renew", "--wait", "1m"}, 0); }) < seconds(30));
}

TEST_CASE("who restores, rebuilds or migrates the store is waited for likewise") {
  const test::Host host;
  const Held store(host, "store-entry");
  for (const Words& words : {Words{"list"}, Words{"renew"}, Words{"backup", host.folder.file("copy")},
                             Words{"ca", "sign", "corp", "-"}, Words{"account", "list"}}) {
    CAPTURE(base::join(words, " "));
    Words waiting = words;
    waiting.insert(waiting.begin(), {"--wait", "1s"});
    base::Exit exit;
    CHECK(time_of([&] { exit = host.run(waiting, 75); }) >= seconds(1));
    CHECK(exit.errors.find("is being restored, rebuilt or migrated by " + kThisProcess) != std::string::npos);
  }
  CHECK(time_of([&] { host.run({"list", "--wait", "0"}, 75); }) < seconds(5));
}

TEST_CASE("a wait is seen on a terminal, and ends with a signal") {
  const test::Host host;
  const Held lease(host, "reconciler");
  const std::string shown = host.on_terminal({"renew", "--wait", "2s"}, 100);
  CHECK(shown.find("waiting for " + kThisProcess) != std::string::npos);
  CHECK(shown.find("(1 s)") != std::string::npos);
  for (const char* signal : {"INT", "TERM"}) {
    CAPTURE(signal);
    Words words = host.command({"renew", "--wait", "1m"});
    words.insert(words.begin(), {"timeout", "--foreground", "--preserve-status", "-s", signal, "1", EVERSEAL_PROGRAM});
    base::Exit exit;
    CHECK(time_of([&] { exit = test::run(words); }) < seconds(30));
    CHECK(exit.status == 1);
    CHECK(exit.errors.find("was stopped while it waited") != std::string::npos);
    CHECK(exit.errors.find(fmt::format(", which process {} holds", ::getpid())) != std::string::npos);
  }
}

TEST_CASE("a wait is a duration with an end") {
  const test::Host host;
  for (const char* good : {"0", "0s", "1s", "5m", "1h30m", "1d"}) {
    CAPTURE(good);
    host.run({"--wait", good, "list"}, 0);
  }
  for (const char* wrong : {"", "5", "-1m", "forever", "0x5m", "1m ", "25h", "100000d", "9999999999999999999s"}) {
    CAPTURE(wrong);
    const base::Exit exit = host.run({"list", "--wait", wrong}, 2);
    CHECK(exit.errors.find("--wait") != std::string::npos);
  }
  host.run({"list", "--wait"}, 2);
  host.run({"list", "--wait", "1s", "--wait", "2s"}, 2);
}
