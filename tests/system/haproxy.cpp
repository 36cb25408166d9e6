#include "system/haproxy.h"

#include <fmt/format.h>

namespace everseal::system {

HaProxy::HaProxy(const Site& site, const std::string& combined_file)
    : pid_file_(site / "haproxy.pid"), port_(free_port()) {
  const std::string config = site / "haproxy.cfg";
  // The new worker takes the listening sockets over from the old one, or their queued connections would be reset.
  write_text(config, fmt::format(R"(global
    stats socket {}/haproxy.sock mode 600 level admin expose-fd listeners
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend web
    bind 127.0.0.1:{} ssl crt {}
    http-request return status 200 content-type text/plain string hello
)",
                                 site.path(), port_, combined_file));
  daemon_ = std::make_unique<Daemon>(Words{"haproxy", "-W", "-f", config, "-p", pid_file_});
  daemon_->wait_for_port(port_);
}

std::string HaProxy::reload_command() const { return fmt::format("kill -USR2 $(head -n 1 {})", pid_file_); }

}  // namespace everseal::system
