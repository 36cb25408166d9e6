// Deploys after which the new certificate is not served, and what becomes of them.
#include "system/server.h"
#include "system/site.h"

#include <csignal>
#include <filesystem>

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace everseal;
using namespace everseal::system;

namespace {

// A hook that a test changes between runs, as an operator breaks and mends his.
class Hook {
 public:
  Hook(const Site& site, std::string name, std::string good)
      : site_(site), name_(std::move(name)), good_(std::move(good)) {
    works();
  }
  void works() const { does(good_); }
  void does(const std::string& body) const { site_.script(name_, body); }
  std::string path() const { return site_ / name_; }

 private:
  const Site& site_;
  std::string name_;
  std::string good_;
};

constexpr const char* kImpatient = "timeout = \"1s\"\nverify_timeout = \"1s\"";

// nginx with a certificate that was issued, deployed and verified once.
struct Deployed {
  Deployed() {
    configure();
    require_status(site.everseal({"renew"}), 0);
    REQUIRE(nginx.served() == site.live_serial("web"));
  }
  void configure(const std::string& more = {}) const {
    site.configure(
        certificate_table("web", more) +
        deploy_table({.directory = directory, .reload = hook.path(), .verify = nginx.endpoint(), .more = kImpatient}));
  }

  Site site;
  std::string directory = site.server_directory("tls");
  Nginx nginx{site, "web", directory};
  Hook hook{site, "reload", nginx.reload_command()};
};

// Kills what a hook left running when the test ends.
struct Leftover {
  std::string pid_file;
  ~Leftover() {
    if (std::filesystem::exists(pid_file)) ::kill(std::stoi(read_text(pid_file)), SIGKILL);
  }
};

}  // namespace

TEST_CASE("a deploy after which the old certificate is still served is rolled back, and the same version tried again") {
  struct Way {
    const char* what;
    std::string body;
  };
  Deployed web;
  const Leftover leftover{web.site / "child.pid"};
  const Way ways[] = {
      {"the reload fails", "echo no such service >&2; exit 3"},
      {"the reload hangs", "exec sleep 300"},
      {"the reload forks a child that hangs", "sleep 300 & echo $! > " + leftover.pid_file},
      {"the reload does nothing", "exit 0"},
  };
  int version = 1;
  for (const Way& way : ways) {
    INFO(way.what);
    const std::string before = web.nginx.served();
    web.hook.does(way.body);
    require_status(web.site.everseal({"renew", "web", "--force"}), 1);
    ++version;

    CHECK(web.nginx.served() == before);
    CHECK(serial_of(web.directory + "/fullchain.pem") == before);
    const Json failed = web.site.deployment("web", "server");
    CHECK(failed.at("state") == "failed");
    CHECK(failed.at("version") == version);
    CHECK(failed.at("current") == version - 1);
    const auto events = web.site.events("web");
    CHECK(std::ranges::any_of(events, [&](const Json& event) {
      return event.at("action") == "deployment.rolled_back" &&
             event.at("detail").at("version") == std::to_string(version);
    }));
    // Nobody orders another one because of it, nor is it tried again before its time; the failure stands.
    require_status(web.site.everseal({"renew"}), 1);
    CHECK(web.site.count_signed() == static_cast<std::size_t>(version));

    web.hook.works();
    require_status(web.site.everseal({"renew", "web"}), 0);
    CHECK(web.site.count_signed() == static_cast<std::size_t>(version));
    CHECK(web.site.count_versions("web") == static_cast<std::size_t>(version));
    CHECK(web.nginx.served() != before);
    CHECK(web.nginx.served() == web.site.live_serial("web"));
    CHECK(web.site.deployment("web", "server").at("current") == version);
    if (std::filesystem::exists(leftover.pid_file)) {
      ::kill(std::stoi(read_text(leftover.pid_file)), SIGKILL);
      std::filesystem::remove(leftover.pid_file);
    }
  }
  require_status(web.site.everseal({"history", "--verify"}), 0);
}

TEST_CASE("the next due plan deploys a version that was rolled back, without ordering another") {
  Deployed web;
  web.hook.does("exit 0");
  require_status(web.site.everseal({"renew", "web", "--force"}), 1);
  web.hook.works();
  const std::string before = web.nginx.served();
  require_status(run(web.site.command({"renew"})), 1);  // its back-off has not ended
  CHECK(web.nginx.served() == before);

  Words later{"faketime", "--exclude-monotonic", "-f", "+5m"};
  const Words renew = web.site.command({"renew"});
  later.insert(later.end(), renew.begin(), renew.end());
  require_status(run(later), 0);
  CHECK(web.nginx.served() != before);
  CHECK(web.nginx.served() == web.site.live_serial("web"));
  CHECK(web.site.count_signed() == 2);
}

TEST_CASE("a reload that fails though the new certificate is served is verified with a warning") {
  Deployed web;
  const std::string before = web.nginx.served();
  web.hook.does(web.nginx.reload_command() + "; echo but >&2; exit 7");
  const base::Exit renewed = web.site.everseal({"renew", "web", "--force"});
  require_status(renewed, 0);
  CHECK(contains(renewed.output, "though the reload failed"));
  CHECK(web.nginx.served() != before);
  CHECK(web.site.deployment_state("web", "server") == "verified");
  CHECK(web.site.deployment("web", "server").at("reload_problem").is_null());  // it was told, and is over
  CHECK(web.site.everseal({"plan", "web"}).output.find("status 7") == std::string::npos);
  CHECK(web.site.count_events("web", "deployment.rolled_back") == 0);
}

TEST_CASE("a rollback by hand stays until deploy") {
  Deployed web;
  const std::string first = web.nginx.served();
  require_status(web.site.everseal({"renew", "web", "--force"}), 0);
  const std::string second = web.nginx.served();
  REQUIRE(first != second);

  require_status(web.site.everseal({"rollback", "web"}), 0);
  CHECK(web.nginx.served() == first);
  require_status(web.site.everseal({"renew", "web"}), 0);
  require_status(web.site.everseal({"renew"}), 0);
  CHECK(web.nginx.served() == first);
  CHECK(web.site.json({"show", "web"}).at("pinned") == 1);

  require_status(web.site.everseal({"deploy", "web"}), 0);
  CHECK(web.nginx.served() == second);
  CHECK(web.site.json({"show", "web"}).at("pinned").is_null());
  CHECK(web.site.count_signed() == 2);

  // A newer version ends the hold as well.
  require_status(web.site.everseal({"rollback", "web"}), 0);
  CHECK(web.nginx.served() == first);
  require_status(web.site.everseal({"renew", "web", "--force"}), 0);
  CHECK(web.nginx.served() == web.site.live_serial("web"));
  CHECK(web.site.deployment("web", "server").at("current") == 3);
}

TEST_CASE("deploy runs the reload again where everything is in place already") {
  Deployed web;
  web.hook.does(fmt::format("echo x >> {}; {}", web.site / "reloads", web.nginx.reload_command()));
  require_status(web.site.everseal({"deploy", "web"}), 0);
  CHECK(read_text(web.site / "reloads") == "x\n");
  CHECK(web.site.count_signed() == 1);
}

TEST_CASE("there is no way back to a revoked version") {
  Deployed web;
  const std::string before = web.nginx.served();
  web.hook.does("exit 0");
  // The revocation is done, the switch to its successor is not proved.
  require_status(web.site.everseal({"revoke", "web"}), 4);
  CHECK(web.nginx.served() == before);  // nginx was never told
  CHECK(serial_of(web.directory + "/fullchain.pem") == web.site.live_serial("web"));
  CHECK(web.site.deployment_state("web", "server") == "unverified");
  CHECK(web.site.count_events("web", "deployment.rolled_back") == 0);
  require_status(web.site.everseal({"renew", "web"}), 1);
  CHECK(web.site.deployment_state("web", "server") == "unverified");
  require_status(web.site.everseal({"rollback", "web"}), 1);

  web.hook.works();
  require_status(web.site.everseal({"deploy", "web"}), 0);
  CHECK(web.nginx.served() == web.site.live_serial("web"));
  CHECK(web.site.count_signed() == 2);
}

TEST_CASE("there is no way back to an expired version") {
  Deployed web;
  web.configure("lifetime = \"1h\"");
  require_status(web.site.everseal({"renew", "web"}), 0);
  const std::string before = web.nginx.served();
  web.hook.does("exit 0");

  const auto later = [&](const Words& words) {
    Words command{"faketime", "--exclude-monotonic", "-f", "+2h"};
    const Words called = web.site.command(words);
    command.insert(command.end(), called.begin(), called.end());
    return run(command);
  };
  require_status(later({"renew", "web"}), 1);  // a clock that jumps is not believed
  CHECK(web.site.count_signed() == 2);
  require_status(later({"doctor", "--accept-clock"}), 0);
  require_status(later({"renew", "web"}), 1);
  CHECK(web.site.count_signed() == 3);
  CHECK(web.nginx.served() == before);
  CHECK(serial_of(web.directory + "/fullchain.pem") == web.site.live_serial("web"));
  CHECK(web.site.deployment_state("web", "server") == "unverified");
  CHECK(web.site.count_events("web", "deployment.rolled_back") == 0);
}

TEST_CASE("without a version before it, a deployment is left in place unverified") {
  const Site site;
  const std::string directory = site.server_directory("tls");
  Nginx nginx(site, "web", directory);
  const std::string before = nginx.served();
  const Hook hook(site, "reload", nginx.reload_command());
  hook.does("exit 0");
  site.configure(
      certificate_table("web") +
      deploy_table({.directory = directory, .reload = hook.path(), .verify = nginx.endpoint(), .more = kImpatient}));
  require_status(site.everseal({"renew"}), 1);
  CHECK(nginx.served() == before);
  CHECK(serial_of(directory + "/fullchain.pem") == site.live_serial("web"));
  CHECK(site.deployment_state("web", "server") == "unverified");
  hook.works();
  require_status(site.everseal({"deploy", "web"}), 0);
  CHECK(nginx.served() == site.live_serial("web"));
  CHECK(site.count_signed() == 1);
}

TEST_CASE("a service that was down before a switch proves nothing, and is verified once it is up") {
  Deployed web;
  web.nginx.stop();
  require_status(web.site.everseal({"renew", "web", "--force"}), 1);
  CHECK(serial_of(web.directory + "/fullchain.pem") == web.site.live_serial("web"));
  CHECK(web.site.deployment_state("web", "server") == "unverified");
  CHECK(web.site.count_events("web", "deployment.rolled_back") == 0);

  web.nginx.start();
  require_status(web.site.everseal({"renew", "web"}), 0);
  CHECK(web.nginx.served() == web.site.live_serial("web"));
  CHECK(web.site.deployment_state("web", "server") == "verified");
  CHECK(web.site.count_signed() == 2);
}

TEST_CASE("of two targets the failing one alone is rolled back") {
  const Site site;
  const std::string left = site.server_directory("left");
  const std::string right = site.server_directory("right");
  Nginx nginx_left(site, "left", left);
  Nginx nginx_right(site, "right", right);
  const Hook hook_left(site, "reload-left", nginx_left.reload_command());
  const Hook hook_right(site, "reload-right", nginx_right.reload_command());
  const auto target = [](const std::string& name, const std::string& directory, const Hook& hook, const Nginx& nginx) {
    return deploy_table({.target = name,
                         .directory = directory,
                         .reload = hook.path(),
                         .verify = nginx.endpoint(),
                         .more = kImpatient});
  };
  site.configure(certificate_table("web") + target("left", left, hook_left, nginx_left) +
                 target("right", right, hook_right, nginx_right));
  require_status(site.everseal({"renew"}), 0);
  const std::string before = site.live_serial("web");
  CHECK(nginx_left.served() == before);
  CHECK(nginx_right.served() == before);

  hook_right.does("exit 1");
  require_status(site.everseal({"renew", "web", "--force"}), 4);
  CHECK(nginx_left.served() == site.live_serial("web"));
  CHECK(nginx_left.served() != before);
  CHECK(nginx_right.served() == before);
  CHECK(site.deployment_state("web", "left") == "verified");
  CHECK(site.deployment_state("web", "right") == "failed");

  hook_right.works();
  require_status(site.everseal({"renew", "web"}), 0);
  CHECK(nginx_right.served() == site.live_serial("web"));
  CHECK(site.count_signed() == 2);
}

TEST_CASE("a command that deploys is run again with the old version to roll back") {
  const Site site;
  const std::string directory = site.server_directory("tls");
  const Nginx nginx(site, "web", directory);
  const std::string copy = fmt::format(
      "cp \"$EVERSEAL_FULLCHAIN\" {0}/fullchain.pem && cp \"$EVERSEAL_PRIVKEY\" {0}/privkey.pem\n", directory);
  const Hook hook(
      site, "deploy",
      fmt::format("set -e\necho $EVERSEAL_VERSION >> {}\n{}{}", site / "log", copy, nginx.reload_command()));
  site.configure(certificate_table("web") +
                 fmt::format("[certificate.web.deploy.box]\ntype = \"exec\"\ncommand = [\"{}\"]\n"
                             "verify = [\"{}\"]\nverify_timeout = \"1s\"\n",
                             hook.path(), nginx.endpoint()));
  require_status(site.everseal({"renew"}), 0);
  const std::string first = nginx.served();
  CHECK(first == site.live_serial("web"));

  hook.does(fmt::format("echo $EVERSEAL_VERSION >> {}", site / "log"));
  require_status(site.everseal({"renew", "web", "--force"}), 1);
  CHECK(read_text(site / "log") == "1\n2\n1\n");
  CHECK(nginx.served() == first);
  CHECK(site.count_events("web", "deployment.rolled_back") == 1);

  hook.works();
  require_status(site.everseal({"renew", "web"}), 0);
  CHECK(nginx.served() == site.live_serial("web"));
  CHECK(site.count_signed() == 2);
}
