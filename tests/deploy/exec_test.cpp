#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "deploy/deploy.h"
#include "error_of.h"
#include "fakes/deployment.h"
#include "fakes/issuing_ca.h"
#include "fakes/temporary_directory.h"
#include "skip.h"

#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

using namespace everseal;
using base::Fault;
using fakes::Material;
using fakes::text;
using fakes::words;

namespace {

const base::Name kWww = base::Name::parse("www");

struct Fixture {
  fakes::TemporaryDirectory place;
  fakes::IssuingCa ca;
  Material first{ca, "/state/archive/www/1"};

  std::unique_ptr<deploy::Target> exec(base::Table table) const {
    return deploy::find_kind("exec")->open(fakes::deploy_options("exec", table), kWww);
  }
  // Writes what the command saw to a file.
  std::unique_ptr<deploy::Target> recording(const std::string& script) const {
    return exec({{"command", words({"/bin/sh", "-c", "{ " + script + "; } > \"$0\" 2>&1", place / "seen"})}});
  }
  std::string seen() const { return std::string(base::as_text(base::read_file(place / "seen", 1 << 20))); }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "the command is told where the version lies, and never the key itself") {
  const auto target = recording("/usr/bin/env");
  target->stage(first.artifact(1));
  CHECK_FALSE(std::filesystem::exists(place / "seen"));
  target->switch_to(1);
  const std::string environment = seen();
  for (const char* line :
       {"EVERSEAL_ACTION=deploy", "EVERSEAL_NAME=www", "EVERSEAL_VERSION=1", "EVERSEAL_DIRECTORY=/state/archive/www/1",
        "EVERSEAL_CERT=/state/archive/www/1/cert.pem", "EVERSEAL_CHAIN=/state/archive/www/1/chain.pem",
        "EVERSEAL_FULLCHAIN=/state/archive/www/1/fullchain.pem", "EVERSEAL_PRIVKEY=/state/archive/www/1/privkey.pem"}) {
    CAPTURE(line);
    CHECK(environment.find(std::string(line) + "\n") != std::string::npos);
  }
  CHECK(environment.find("PRIVATE KEY") == std::string::npos);

  auto keyless = first.artifact(2);
  keyless.key_pem = nullptr;
  target->stage(keyless);
  target->switch_to(2);
  CHECK(seen().find("EVERSEAL_PRIVKEY") == std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "a CRL and a trust bundle are handed over in a directory of their own, gone afterwards") {
  const auto target = recording(
      "stat -c %a \"$EVERSEAL_DIRECTORY\" && openssl crl -inform DER -noout -in \"$EVERSEAL_CRL\" && "
      "openssl crl -noout -in \"$EVERSEAL_CRL_PEM\" && openssl x509 -noout -subject -in \"$EVERSEAL_BUNDLE\" && "
      "echo \"$EVERSEAL_DIRECTORY\"");
  target->stage({.name = kWww,
                 .number = 3,
                 .chain = {},
                 .key_pem = nullptr,
                 .crl = ca.crl(),
                 .bundle = {ca.certificate()},
                 .directory = {}});
  REQUIRE_NOTHROW(target->switch_to(3));
  const std::string text = seen();
  CHECK(text.starts_with("700\n"));
  CHECK(text.find("Test CA") != std::string::npos);
  const std::string directory = text.substr(text.find("/tmp/"), text.rfind('\n') - text.find("/tmp/"));
  CHECK(directory.starts_with("/tmp/everseal-"));
  CHECK_FALSE(std::filesystem::exists(directory));
}

TEST_CASE_FIXTURE(Fixture, "a command that fails is an error that says how, and is not what is current") {
  const auto failing = exec({{"command", words({"/bin/sh", "-c", "echo no route >&2; exit 7"})}});
  failing->stage(first.artifact(1));
  const base::Error error = error_of([&] { failing->switch_to(1); });
  CHECK(error.fault() == Fault::io);
  CHECK(error.message().find("status 7") != std::string::npos);
  CHECK(error.message().find("no route") != std::string::npos);
  CHECK_FALSE(failing->current());

  const auto slow = exec({{"command", words({"/bin/sleep", "60"})}, {"timeout", text("1s")}});
  slow->stage(first.artifact(1));
  CHECK(error_of([&] { slow->switch_to(1); }).fault() == Fault::io);
  const auto missing = exec({{"command", words({"/no/such/program"})}});
  missing->stage(first.artifact(1));
  CHECK(error_of([&] { missing->switch_to(1); }).fault() == Fault::io);
}

TEST_CASE_FIXTURE(Fixture, "a command that works for ever is ended by a stop, which is no failure of it") {
  const auto target = exec({{"command", words({"/bin/sleep", "60"})}});
  target->stage(first.artifact(1));
  std::stop_source stop;
  std::jthread stopper([&stop] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    stop.request_stop();
  });
  CHECK(error_of([&] { target->switch_to(1, stop.get_token()); }).fault() == Fault::cancelled);
  CHECK_FALSE(target->current());
}

TEST_CASE_FIXTURE(Fixture,
                  "another user than root gets the key too, in a directory of his own that ends with the command") {
  if (skipped_without_root()) return;
  const std::string seen = place / "seen";
  std::ofstream(seen).close();
  REQUIRE(::chown(seen.c_str(), 65534, 65534) == 0);
  std::filesystem::permissions(place.path(), std::filesystem::perms(0755));
  const auto target =
      exec({{"command",
             words({"/bin/sh", "-c",
                    "{ id -un; stat -c %a \"$EVERSEAL_DIRECTORY\" \"$EVERSEAL_PRIVKEY\"; ls \"$EVERSEAL_DIRECTORY\"; "
                    "cat \"$EVERSEAL_PRIVKEY\" \"$EVERSEAL_FULLCHAIN\" \"$EVERSEAL_CERT\" \"$EVERSEAL_CHAIN\"; "
                    "echo \"$EVERSEAL_DIRECTORY\"; } > \"$0\" 2>&1",
                    seen})},
            {"user", text("nobody")}});
  target->stage(first.artifact(1));
  REQUIRE_NOTHROW(target->switch_to(1));
  const std::string chain = first.chain[0].pem() + first.chain[1].pem();
  const std::string read = this->seen();
  CHECK(read.starts_with("nobody\n700\n600\ncert.pem\nchain.pem\nfullchain.pem\nprivkey.pem\n" +
                         std::string(first.key.reveal_text()) + chain + chain + "/"));
  const auto last = read.rfind('\n', read.size() - 2);
  const std::string directory = read.substr(last + 1, read.size() - last - 2);
  CHECK(directory.starts_with("/run/everseal-"));
  CHECK_FALSE(std::filesystem::exists(directory));

  // What a killed run left there is taken away, what is in use is not.
  const std::string left = "/run/everseal-left00", used = "/run/everseal-used00";
  for (const std::string& one : {left, used}) std::filesystem::create_directory(one);
  const base::FileDescriptor user(::open(used.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  REQUIRE(::flock(user.get(), LOCK_EX) == 0);
  target->switch_to(1);
  CHECK_FALSE(std::filesystem::exists(left));
  CHECK(std::filesystem::exists(used));
  std::filesystem::remove(used);
}

TEST_CASE_FIXTURE(Fixture, "each variable that a command is told is listed by its kind, and no other") {
  using Names = std::set<std::string>;
  const auto told = [](const std::string& environment) {
    Names names;
    for (const std::string& line : base::split(environment, '\n'))
      if (line.starts_with("EVERSEAL_")) names.insert(line.substr(0, line.find('=')));
    return names;
  };
  const auto listed = [](const deploy::Kind& kind) {
    Names names;
    for (const base::Variable& one : kind.variables) {
      CHECK_FALSE(one.summary.empty());
      CHECK(names.emplace(one.name).second);
    }
    return names;
  };
  const auto command = recording("/usr/bin/env");
  command->stage(first.artifact(1));
  command->switch_to(1);
  Names seen_by_command = told(seen());
  command->stage({.name = kWww,
                  .number = 3,
                  .chain = {},
                  .key_pem = nullptr,
                  .crl = ca.crl(),
                  .bundle = {ca.certificate()},
                  .directory = {}});
  command->switch_to(3);
  seen_by_command.merge(told(seen()));
  CHECK(seen_by_command == listed(*deploy::find_kind("exec")));

  const deploy::Kind& files = *deploy::find_kind("files");
  const auto target = files.open(
      fakes::deploy_options("files", {{"directory", text(place.path())}, {"reload", words({"/usr/bin/env"})}}), kWww);
  target->stage(first.artifact(1));
  target->switch_to(1);
  const auto exit = target->reload({});
  REQUIRE(exit);
  CHECK(told(exit->output) == listed(files));
}

TEST_CASE_FIXTURE(Fixture, "it runs as the user it is told to, who can read what is handed over") {
  if (skipped_without_root()) return;
  const auto target =
      exec({{"command", words({"/bin/sh", "-c", "test \"$(id -un)\" = nobody && cat \"$EVERSEAL_CRL\" > /dev/null"})},
            {"user", text("nobody")}});
  target->stage(
      {.name = kWww, .number = 3, .chain = {}, .key_pem = nullptr, .crl = ca.crl(), .bundle = {}, .directory = {}});
  CHECK_NOTHROW(target->switch_to(3));
}

TEST_CASE_FIXTURE(Fixture, "root runs no command that others can change") {
  if (skipped_without_root()) return;
  const std::string hook = place / "hook";
  std::ofstream(hook) << "#!/bin/sh\nexit 0\n";
  std::filesystem::permissions(hook, std::filesystem::perms::all);
  const base::Table table{{"command", words({hook})}};
  std::vector<std::string> claims;
  CHECK(deploy::find_kind("exec")->check(fakes::deploy_options("exec", table), kWww, claims).size() == 1);
  const auto target = exec(table);
  target->stage(first.artifact(1));
  CHECK(error_of([&] { target->switch_to(1); }).fault() == Fault::config);
}
