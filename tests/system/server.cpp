#include "system/server.h"

#include "pki/certificate.h"
#include "probe/probe.h"

#include <chrono>
#include <filesystem>
#include <thread>

#include <fmt/format.h>

namespace everseal::system {

std::string served_serial(int port, const std::string& starttls) {
  probe::Target target{.host = "127.0.0.1", .port = port, .sni = "localhost", .starttls = starttls, .address = {}};
  const probe::Capture capture = probe::probe_one(target, {});
  if (capture.chain.empty()) return fmt::format("({})", capture.problem);
  return pki::Certificate::parse(capture.chain.front()).serial();
}

std::string settled_serial(int port) {
  constexpr int kAgreeing = 10;
  std::string serial = served_serial(port);
  for (int agreed = 1; agreed < kAgreeing; ++agreed) {
    std::this_thread::sleep_for(std::chrono::milliseconds(25));
    if (std::string next = served_serial(port); next != serial) {
      serial = std::move(next);
      agreed = 0;
    }
  }
  return serial;
}

Nginx::Nginx(const Site& site, const std::string& name, const std::vector<NginxServer>& servers) {
  const std::string home = site / ("nginx-" + name);
  std::filesystem::create_directories(home);
  config_ = home + "/nginx.conf";
  errors_ = home + "/error.log";
  pid_file_ = home + "/pid";
  std::string blocks;
  for (const NginxServer& server : servers) {
    ports_.push_back(free_port());
    blocks += fmt::format(R"(
  server {{
    listen 127.0.0.1:{0} ssl;
    ssl_certificate {1}/fullchain.pem;
    ssl_certificate_key {1}/privkey.pem;
    {2}
    location / {{ return 200 "hello $ssl_client_s_dn\n"; }}
  }})",
                          ports_.back(), server.directory, server.extra);
  }
  write_text(config_, fmt::format(R"(daemon off;
worker_processes 2;
pid {0}/pid;
error_log {0}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {0}/body; proxy_temp_path {0}/proxy; fastcgi_temp_path {0}/fastcgi;
  uwsgi_temp_path {0}/uwsgi; scgi_temp_path {0}/scgi;{1}
}}
)",
                                  home, blocks));
  start();
}

void Nginx::start() {
  daemon_ = std::make_unique<Daemon>(Words{"nginx", "-c", config_, "-e", errors_});
  for (const int port : ports_) daemon_->wait_for_port(port);
}

void Nginx::stop() { daemon_.reset(); }

std::string Nginx::reload_command() const { return fmt::format("kill -HUP $(cat {})", pid_file_); }

}  // namespace everseal::system
