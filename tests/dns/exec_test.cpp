// Hooks, as everseal, lego, certbot and dehydrated call theirs.
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "contains.h"
#include "error_of.h"
#include "fakes/dns_options.h"
#include "fakes/temporary_directory.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include <doctest/doctest.h>
#include <unistd.h>

using namespace everseal;
using namespace std::string_literals;
using base::Fault;
using fakes::option;

namespace {

using Lines = std::vector<std::string>;

// Writes down how often it was called, with what, and the environment that it was given.
constexpr const char* kRecorder = R"sh(#!/bin/sh
calls=$(($(cat "$0.calls" 2>/dev/null || echo 0) + 1))
echo "$calls" > "$0.calls"
for word in "$@"; do printf '%s\n' "$word"; done > "$0.arguments.$calls"
tr '\0' '\n' < /proc/$$/environ | sort > "$0.environment.$calls"
)sh";

struct Fixture {
  fakes::TemporaryDirectory place;

  // An executable file; its path.
  std::string script(const std::string& name, const std::string& text) const {
    std::ofstream(place / name) << text;
    std::filesystem::permissions(place / name, std::filesystem::perms::owner_all);
    return place / name;
  }
  static std::unique_ptr<dns::Provider> open(base::Table table) {
    return dns::find_kind("exec")->open(fakes::dns_options("exec", table));
  }
  std::unique_ptr<dns::Provider> hook(const std::string& format, const std::string& text, base::Table more = {}) const {
    more.emplace_back("command", option(Lines{script("hook", text), "first"}));
    more.emplace_back("format", option(format));
    return open(std::move(more));
  }
  std::string read(const std::string& name) const {
    return std::string(base::as_text(base::read_file(place / name, 1 << 20)));
  }
  Lines lines(const std::string& name) const {
    Lines all = base::split(read(name), '\n');
    if (!all.empty() && all.back().empty()) all.pop_back();
    return all;
  }
  // Of one call of the recorder, without what every program is given.
  Lines environment(int call) const {
    Lines all = lines("hook.environment." + std::to_string(call));
    std::erase_if(all, [](const std::string& line) {
      return line.starts_with("PATH=") || line.starts_with("HOME=") || line.starts_with("LANG=") ||
             line.starts_with("TZ=");
    });
    return all;
  }
  Lines arguments(int call) const { return lines("hook.arguments." + std::to_string(call)); }
};

dns::TxtRecord record(const std::string& value = "-the-value") {
  return {.name = "_acme-challenge.www.example.org",
          .zone = "example.org",
          .value = value,
          .domain = "www.example.org",
          .token = "-the-token",
          .key_authorization = "-the-token.thumbprint",
          .all_domains = {"example.org", "www.example.org", "www.example.org"},
          .remaining = 1};
}


// True once it is gone, or waits for whoever inherited it.
bool ends_soon(pid_t process) {
  for (int i = 0; i < 500; ++i) {
    std::ifstream status("/proc/" + std::to_string(process) + "/stat");
    std::string line;
    if (!std::getline(status, line) || contains(line, ") Z ")) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

}  // namespace

TEST_SUITE("hooks") {
  TEST_CASE_FIXTURE(Fixture, "each format has its own arguments and environment, and nothing is inherited beside") {
    struct Format {
      std::string name;
      Lines add, remove;  // arguments
      Lines add_environment, remove_environment;
    };
    const Lines certbot{"CERTBOT_ALL_DOMAINS=example.org,www.example.org,www.example.org",
                        "CERTBOT_DOMAIN=www.example.org", "CERTBOT_REMAINING_CHALLENGES=1",
                        "CERTBOT_VALIDATION=-the-value"};
    Lines certbot_cleanup = certbot;
    certbot_cleanup.insert(certbot_cleanup.begin() + 1, "CERTBOT_AUTH_OUTPUT=");
    const auto own = [](const std::string& action) {
      return Lines{"EVERSEAL_ACTION=" + action, "EVERSEAL_DOMAIN=www.example.org",
                   "EVERSEAL_RECORD=_acme-challenge.www.example.org", "EVERSEAL_VALUE=-the-value",
                   "EVERSEAL_ZONE=example.org"};
    };
    const Format formats[] = {
        {"everseal", {"add"}, {"remove"}, own("add"), own("remove")},
        {"lego",
         {"present", "_acme-challenge.www.example.org.", "-the-value"},
         {"cleanup", "_acme-challenge.www.example.org.", "-the-value"},
         {},
         {}},
        {"lego-raw",
         {"present", "--", "www.example.org", "-the-token", "-the-token.thumbprint"},
         {"cleanup", "--", "www.example.org", "-the-token", "-the-token.thumbprint"},
         {},
         {}},
        {"certbot", {}, {}, certbot, certbot_cleanup},
        {"dehydrated",
         {"deploy_challenge", "www.example.org", "-the-token", "-the-value"},
         {"clean_challenge", "www.example.org", "-the-token", "-the-value"},
         {},
         {}},
    };
    ::setenv("CERTBOT_TOKEN", "of somebody else", 1);
    ::setenv("CLOUDFLARE_API_TOKEN", "a secret", 1);
    for (const Format& format : formats) {
      CAPTURE(format.name);
      const Fixture fixture;
      const std::string path = fixture.script("hook", kRecorder);
      base::Table table{{"command", option(Lines{path, "first"})}, {"format", option(format.name)}};
      if (format.name == "certbot") table.emplace_back("cleanup_command", option(Lines{path, "first"}));
      const auto provider = open(table);
      provider->add(record(), {});
      provider->remove(record(), {});
      const auto behind_own = [](Lines words) {
        words.insert(words.begin(), "first");
        return words;
      };
      CHECK(fixture.arguments(1) == behind_own(format.add));
      CHECK(fixture.arguments(2) == behind_own(format.remove));
      CHECK(fixture.environment(1) == format.add_environment);
      CHECK(fixture.environment(2) == format.remove_environment);
      CHECK(fixture.lines("hook.calls") == Lines{"2"});
    }
    ::unsetenv("CERTBOT_TOKEN");
    ::unsetenv("CLOUDFLARE_API_TOKEN");
  }

  TEST_CASE_FIXTURE(Fixture, "a hook of certbot's that removes is told what the one that set its own value said") {
    const std::string add = script("add", "#!/bin/sh\nprintf '\\n  id of %s\\n\\n' \"$CERTBOT_VALIDATION\"\n");
    const std::string remove =
        script("remove", "#!/bin/sh\nprintf '[%s]\\n' \"$CERTBOT_AUTH_OUTPUT\" >> \"$0.said\"\n");
    const auto provider = open(
        {{"command", option(Lines{add})}, {"cleanup_command", option(Lines{remove})}, {"format", option("certbot")}});
    provider->add(record("one"), {});
    provider->add(record("two"), {});
    provider->remove(record("one"), {});
    provider->remove(record("two"), {});
    provider->remove(record("never set"), {});
    CHECK(lines("remove.said") == Lines{"[id of one]", "[id of two]", "[]"});
  }

  TEST_CASE_FIXTURE(Fixture, "a hook of certbot's may say more than a variable can hold") {
    const std::string add = script("add", "#!/bin/sh\nprintf 'a\\000b'\nhead -c 3000000 /dev/zero | tr '\\000' x\n");
    const std::string remove = script("remove", "#!/bin/sh\nprintf '%s' \"$CERTBOT_AUTH_OUTPUT\" > \"$0.said\"\n");
    const auto provider = open(
        {{"command", option(Lines{add})}, {"cleanup_command", option(Lines{remove})}, {"format", option("certbot")}});
    provider->add(record(), {});
    provider->remove(record(), {});
    const std::string said = read("remove.said");
    CHECK(said.starts_with("abxxx"));
    CHECK(said.size() > 60'000);
    CHECK(said.size() < 128'000);
  }

  TEST_CASE_FIXTURE(Fixture, "without a hook that removes, certbot's way removes nothing") {
    const auto provider = hook("certbot", kRecorder);
    provider->add(record(), {});
    provider->remove(record(), {});
    CHECK(lines("hook.calls") == Lines{"1"});
  }

  TEST_CASE_FIXTURE(Fixture, "a hook of its own may remove in any format") {
    for (const char* const format : {"everseal", "lego", "lego-raw", "dehydrated"}) {
      const std::string remove = script("remove", "#!/bin/sh\necho \"$@\" > \"$0.said\"\n");
      const auto provider = hook(format, kRecorder, {{"cleanup_command", option(Lines{remove, "mine"})}});
      provider->remove(record(), {});
      CHECK(read("remove.said").starts_with("mine "));
      CHECK_FALSE(std::filesystem::exists(place / "hook.calls"));
    }
  }

  TEST_CASE_FIXTURE(Fixture, "a hook that fails is an error with its last words") {
    const auto failing = hook("lego", "#!/bin/sh\necho much >&2\nprintf 'no such zone\\033[2J' >&2\nexit 3\n");
    const base::Error error = error_of([&] { failing->add(record(), {}); });
    CHECK(error.fault() == Fault::unreachable);
    CHECK(error.message() == place / "hook" + " exited with status 3: much; no such zone\\x1b[2J");
    CHECK(error_of([&] { failing->remove(record(), {}); }).fault() == Fault::unreachable);
    CHECK(error_of([&] { hook("lego", "#!/bin/sh\nkill -9 $$\n")->add(record(), {}); }).message() ==
          place / "hook" + " was killed by signal 9 (SIGKILL)");
  }

  TEST_CASE_FIXTURE(Fixture, "a hook that cannot be started is an error that says so") {
    const auto missing = open({{"command", option(Lines{place / "missing"})}});
    CHECK(contains(error_of([&] { missing->add(record(), {}); }).message(), "could not be started"));
    const auto no_program = hook("everseal", "#!/no/such/interpreter\n");
    CHECK(contains(error_of([&] { no_program->add(record(), {}); }).message(), "could not be started"));
  }

  TEST_CASE_FIXTURE(Fixture, "a hook that hangs is killed with all that it started") {
    const auto hanging =
        hook("everseal", "#!/bin/sh\ntrap '' TERM\nsleep 600 &\necho $! > \"$0.child\"\nwhile :; do wait; done\n",
             {{"timeout", option("1s")}});
    const base::Error error = error_of([&] { hanging->add(record(), {}); });
    CHECK(error.fault() == Fault::timed_out);
    CHECK(contains(error.message(), "did not end within 1 s and was killed"));
    CHECK(ends_soon(std::stoi(read("hook.child"))));
  }

  TEST_CASE_FIXTURE(Fixture, "a hook that is asked to stop is ended") {
    std::stop_source source;
    const auto waiting = hook("everseal", "#!/bin/sh\ntouch \"$0.started\"\nexec sleep 600\n");
    const std::jthread stopper([&] {
      while (!std::filesystem::exists(place / "hook.started"))
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      source.request_stop();
    });
    CHECK(error_of([&] { waiting->add(record(), source.get_token()); }).fault() == Fault::cancelled);
  }

  TEST_CASE_FIXTURE(Fixture, "a hook may print more than anyone wants to read") {
    const auto loud = hook("dehydrated", "#!/bin/sh\nhead -c 5000000 /dev/zero\nhead -c 5000000 /dev/zero >&2\n");
    CHECK_NOTHROW(loud->add(record(), {}));
    const auto loud_failure = hook("dehydrated", "#!/bin/sh\nhead -c 5000000 /dev/zero | tr '\\000' x >&2\nexit 1\n");
    CHECK(error_of([&] { loud_failure->add(record(), {}); }).message().size() < 1'000);
  }
}
