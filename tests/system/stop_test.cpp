// A run that is asked to end (Ctrl-C, systemctl stop): what it had not finished proves nothing, and the next run goes
// on.
#include "system/server.h"
#include "system/site.h"

#include <filesystem>
#include <thread>

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace everseal;
using namespace everseal::system;

namespace {

// Runs `renew web --force` and ends it by SIGTERM once `file` exists.
base::Exit renew_until(const Site& site, const std::string& file) {
  base::Command command;
  command.argv = site.command({"renew", "web", "--force"});
  command.timeout = std::chrono::minutes(2);
  std::stop_source stop;
  base::Exit exit;
  {
    const std::jthread worker([&] { exit = base::run(command, stop.get_token()); });
    wait_until("the run comes to " + file, [&] { return std::filesystem::exists(file); });
    stop.request_stop();
  }
  return exit;
}

}  // namespace

TEST_CASE("a renewal stopped while it verifies is neither verified nor rolled back, and the next run finishes it") {
  const Site site;
  const std::string directory = site.server_directory("tls");
  Nginx nginx(site, "web", directory);
  const auto configure = [&](const std::string& reload) {
    site.configure(certificate_table("web") + deploy_table({.directory = directory,
                                                            .reload = site.script("reload", reload),
                                                            .verify = nginx.endpoint(),
                                                            .more = "timeout = \"60s\"\nverify_timeout = \"60s\""}));
  };
  configure(nginx.reload_command());
  require_status(site.everseal({"renew"}), 0);
  const std::string before = nginx.served();

  std::string hook;
  SUBCASE("the reload did nothing, and it still looks") { hook = "touch {}"; }
  SUBCASE("the reload itself still runs") { hook = "touch {}; sleep 60"; }
  configure(fmt::format(fmt::runtime(hook), site / "reloaded"));
  const base::Exit stopped = renew_until(site, site / "reloaded");
  INFO(transcript(stopped));
  CHECK(stopped.how == base::Exit::How::cancelled);
  CHECK(contains(stopped.output, "the next run goes on from there"));
  CHECK(site.deployment_state("web", "server") == "switched");
  CHECK(site.count_events("web", "deployment.rolled_back") == 0);
  CHECK(nginx.served() == before);

  configure(nginx.reload_command());
  require_status(site.everseal({"renew"}), 0);
  CHECK(nginx.served() == site.live_serial("web"));
  CHECK(nginx.served() != before);
  CHECK(site.deployment_state("web", "server") == "verified");
  CHECK(site.count_signed() == 2);
}
