// HAProxy with its own config: master and worker, one TLS server that reads one combined file.
#pragma once

#include "system/server.h"

#include <memory>
#include <string>

namespace everseal::system {

class HaProxy {
 public:
  HaProxy(const Site& site, const std::string& combined_file);

  int port() const noexcept { return port_; }
  std::string endpoint() const { return "127.0.0.1:" + std::to_string(port_); }
  std::string served() const { return settled_serial(port_); }
  std::string reload_command() const;

 private:
  std::string pid_file_;
  int port_;
  std::unique_ptr<Daemon> daemon_;
};

}  // namespace everseal::system
