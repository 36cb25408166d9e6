#include "system/server.h"

#include "pki/certificate.h"
#include "probe/probe.h"

#include <filesystem>
#include <stdexcept>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace everseal::system {
namespace {

struct Socket {
  int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  Socket() = default;
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() { ::close(descriptor); }
};

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool accepts(int port) {
  const Socket socket;
  const sockaddr_in address = loopback(port);
  return ::connect(socket.descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace

int free_port() {
  const Socket socket;
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  if (::bind(socket.descriptor, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      ::getsockname(socket.descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("no port is free");
  return ntohs(address.sin_port);
}

Daemon::Daemon(Words argv, base::Command how) {
  if (!base::find_executable(argv.front())) run(argv, how);  // throws, naming the package
  argv.insert(argv.begin(), {"setpriv", "--pdeathsig", "TERM"});
  how.argv = std::move(argv);
  how.timeout = std::chrono::hours(1);
  thread_ = std::jthread([this, how = std::move(how)](const std::stop_token& stop) {
    exit_ = base::run(how, stop);
    ended_ = true;
  });
}

Daemon::~Daemon() { stop(); }

void Daemon::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void Daemon::wait_for_port(int port) {
  wait_until(fmt::format("a server on port {}", port), [&] {
    if (ended_) {
      thread_.join();
      throw std::runtime_error("the server ended: " + transcript(exit_));
    }
    return accepts(port);
  });
}

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

Nginx::Nginx(const Site& site, const std::string& name, const std::string& directory, const std::string& extra)
    : port_(free_port()) {
  const std::string home = site / ("nginx-" + name);
  std::filesystem::create_directories(home);
  config_ = home + "/nginx.conf";
  errors_ = home + "/error.log";
  pid_file_ = home + "/pid";
  write_text(config_, fmt::format(R"(daemon off;
worker_processes 2;
pid {0}/pid;
error_log {0}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {0}/body; proxy_temp_path {0}/proxy; fastcgi_temp_path {0}/fastcgi;
  uwsgi_temp_path {0}/uwsgi; scgi_temp_path {0}/scgi;
  server {{
    listen 127.0.0.1:{1} ssl;
    ssl_certificate {2}/fullchain.pem;
    ssl_certificate_key {2}/privkey.pem;
    {3}
    location / {{ return 200 "hello $ssl_client_s_dn\n"; }}
  }}
}}
)",
                                  home, port_, directory, extra));
  start();
}

void Nginx::start() {
  daemon_ = std::make_unique<Daemon>(Words{"nginx", "-c", config_, "-e", errors_});
  daemon_->wait_for_port(port_);
}

void Nginx::stop() { daemon_.reset(); }

std::string Nginx::reload_command() const { return fmt::format("kill -HUP $(cat {})", pid_file_); }

}  // namespace everseal::system
