#include "probe/probe.h"
#include "system/haproxy.h"
#include "system/server.h"
#include "system/site.h"

#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace everseal;
using namespace everseal::system;

namespace {

// Fresh handshakes, one after the other, until this ends.
class Load {
 public:
  explicit Load(int port) : thread_([this, port](const std::stop_token& stop) { shake(port, stop); }) {}

  std::size_t with(const std::string& serial) {
    const std::scoped_lock lock(mutex_);
    return counts_[serial];
  }
  // Serials and how often each was seen, after the last handshake.
  std::map<std::string, std::size_t> end() {
    thread_.request_stop();
    thread_.join();
    return counts_;
  }
  std::vector<std::string> failures() {
    const std::scoped_lock lock(mutex_);
    return failures_;
  }

 private:
  void shake(int port, const std::stop_token& stop) {
    const probe::Target target{.host = "127.0.0.1", .port = port, .sni = "localhost", .starttls = {}, .address = {}};
    while (!stop.stop_requested()) {
      const probe::Capture capture = probe::probe_one(target, {});
      const std::scoped_lock lock(mutex_);
      if (capture.outcome == probe::Outcome::complete && !capture.chain.empty())
        ++counts_[pki::Certificate::parse(capture.chain.front()).serial()];
      else
        failures_.push_back(capture.problem);
    }
  }

  std::mutex mutex_;
  std::map<std::string, std::size_t> counts_;
  std::vector<std::string> failures_;
  std::jthread thread_;
};

constexpr std::size_t kEnough = 200;

template <class Server>
void renew_under_load(const Site& site, const Server& server) {
  require_status(site.everseal({"renew"}), 0);
  const std::string before = site.live_serial("web");
  REQUIRE(server.served() == before);

  Load load(server.port());
  wait_until("handshakes with the old certificate", [&] { return load.with(before) >= kEnough; });
  require_status(site.everseal({"renew", "web", "--force"}), 0);
  const std::string after = site.live_serial("web");
  wait_until("handshakes with the new certificate", [&] { return load.with(after) >= kEnough; });
  const auto seen = load.end();

  for (const std::string& failure : load.failures()) FAIL_CHECK(failure);
  CHECK(seen.size() == 2);  // the old one and the new one, nothing in between
  CHECK(before != after);
}

}  // namespace

TEST_CASE("nginx loses no handshake through a renewal under load") {
  const Site site;
  const std::string directory = site.server_directory("tls");
  Nginx nginx(site, "web", directory);
  const std::string reload = site.script("reload", nginx.reload_command());
  site.configure(certificate_table("web") +
                 deploy_table({.directory = directory, .reload = reload, .verify = nginx.endpoint()}));
  renew_under_load(site, nginx);
}

TEST_CASE("HAProxy loses no handshake through a renewal under load") {
  const Site site;
  const std::string directory = site.server_directory("tls");
  HaProxy haproxy(site, directory + "/combined.pem");
  const std::string reload = site.script("reload", haproxy.reload_command());
  site.configure(certificate_table("web") +
                 deploy_table({.directory = directory,
                               .reload = reload,
                               .verify = haproxy.endpoint(),
                               .more = "contents = [{ content = \"combined\", file = \"combined.pem\" }]"}));
  renew_under_load(site, haproxy);
}
