// Real servers in the foreground of a thread, ended with their object. All listen on loopback.
#pragma once

#include "system/daemon.h"
#include "system/site.h"

#include <memory>
#include <string>

namespace everseal::system {

// The serial that a fresh handshake shows, or why there is none, in parentheses.
std::string served_serial(int port, const std::string& starttls = {});
// The same, once it stays: for a moment of each reload workers of before and after accept side by side (0.1 s of
// nginx).
std::string settled_serial(int port);

// nginx with its own config: one TLS server on `port`, which reads fullchain.pem and privkey.pem in `directory`.
class Nginx {
 public:
  // `extra`: more directives of the server block.
  Nginx(const Site& site, const std::string& name, const std::string& directory, const std::string& extra = {});

  void start();
  void stop();
  int port() const noexcept { return port_; }
  std::string endpoint() const { return "127.0.0.1:" + std::to_string(port_); }
  std::string served() const { return settled_serial(port_); }
  // A shell command that makes it read its files again.
  std::string reload_command() const;

 private:
  std::string config_;
  std::string errors_;
  std::string pid_file_;
  int port_;
  std::unique_ptr<Daemon> daemon_;
};

}  // namespace everseal::system
