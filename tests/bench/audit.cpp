// Ten thousand endpoints on loopback: what looking at them, judging them and recording it costs beside the handshakes
// alone.
#include "base/error.h"
#include "bench/bare_tls.h"
#include "bench/site.h"
#include "system/daemon.h"

#include <filesystem>
#include <fstream>
#include <thread>

#include <fmt/format.h>
#include <openssl/crypto.h>

namespace everseal::bench {
namespace {

constexpr const char* kName = "bench.example.org";

// nginx on every address of 127/8, with a certificate of the site's own CA.
class Listener {
 public:
  explicit Listener(const Site& site) : port_(system::free_port()) {
    const std::string home = site / "nginx";
    std::filesystem::create_directories(home);
    const std::string config = home + "/nginx.conf";
    std::ofstream(config) << fmt::format(R"(daemon off;
worker_processes auto;
pid {0}/pid;
error_log {0}/error.log;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  client_body_temp_path {0}/body; proxy_temp_path {0}/proxy; fastcgi_temp_path {0}/fastcgi;
  uwsgi_temp_path {0}/uwsgi; scgi_temp_path {0}/scgi;
  server {{
    listen 0.0.0.0:{1} ssl backlog=8192;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_certificate {2}/fullchain.pem;
    ssl_certificate_key {2}/privkey.pem;
  }}
}}
)",
                                         home, port_, site / "tls");
    daemon_.emplace(system::Words{"nginx", "-c", config, "-e", home + "/error.log"});
    daemon_->wait_for_port(port_);
  }
  int port() const noexcept { return port_; }

 private:
  int port_;
  std::optional<system::Daemon> daemon_;
};

std::vector<std::string> loopback(int count) {
  std::vector<std::string> addresses;
  for (int i = 0; i < count; ++i) addresses.push_back(fmt::format("127.{}.{}.1", 1 + i / 250, 1 + i % 250));
  return addresses;
}

}  // namespace

void audit() {
  const int count = scaled(10'000);
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  const Site site;
  site.everseal({"init"});
  site.everseal({"ca", "init", "bench", "--root-passphrase-file", site.passphrase_file()});
  site.everseal({"issue", "--issuer", "bench", "-d", kName, "--deploy-dir", site / "tls", "--make-dir"});
  const Listener listener(site);
  const std::vector<std::string> addresses = loopback(count);
  std::ofstream targets(site / "targets");
  for (const std::string& address : addresses) targets << fmt::format("{}:{}\n", address, listener.port());
  targets.close();
  const std::string in_flight = std::to_string(std::min(2000, count));
  const auto ours = [&](std::vector<std::string> more) {
    std::vector<std::string> words{"audit",  "--targets", site / "targets", "--sni",   kName,
                                   "--most", "20000",     "--in-flight",    in_flight, "--format",
                                   "jsonl",  "--fail-on", "critical"};
    words.insert(words.end(), more.begin(), more.end());
    return site.everseal(words);
  };
  const auto bare = [&](int threads) {
    return apart([&] {
      const int complete = shake({.addresses = addresses,
                                  .port = listener.port(),
                                  .server_name = kName,
                                  .in_flight = std::min(2000, count) / threads,
                                  .threads = threads});
      if (complete != count) throw base::Error(base::Fault::io, "not every bare handshake was completed");
    });
  };
  print_heading(fmt::format("an audit of {} TLS endpoints, {} in flight, {}", count, in_flight,
                            OpenSSL_version(OPENSSL_VERSION)));
  std::vector<Usage> audited;
  std::vector<Usage> alone;
  for (int i = 0; i < 3; ++i) {
    audited.push_back(ours({}));
    alone.push_back(bare(cores));
  }
  print({"client CPU of an endpoint: looked at, judged, recorded", median(audited, &Usage::cpu) / count * 1e3, "ms",
         median(alone, &Usage::cpu) / count * 1e3, "<= 1.15x"});
  print({"endpoints a second, the server on the same cores", count / median(audited, &Usage::wall), "/s",
         count / median(alone, &Usage::wall), ">= 0.85x"});
  print({"memory", median(audited, &Usage::memory), "MiB", {}, "< 150 MiB"});
}

}  // namespace everseal::bench
