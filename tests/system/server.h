// Real servers in the foreground of a thread, ended with their object. All listen on loopback.
#pragma once

#include "system/daemon.h"
#include "system/site.h"

#include <memory>
#include <string>
#include <vector>

namespace everseal::system {

// The serial that a fresh handshake shows, or why there is none, in parentheses.
std::string served_serial(int port, const std::string& starttls = {});
// The same, once it stays: for a moment of each reload workers of before and after accept side by side (0.1 s of
// nginx).
std::string settled_serial(int port);

// One TLS server of an nginx, which reads fullchain.pem and privkey.pem in `directory`.
struct NginxServer {
  std::string directory;
  std::string extra = {};  // more directives of the server block
};

// nginx with its own config.
class Nginx {
 public:
  // One server.
  Nginx(const Site& site, const std::string& name, const std::string& directory, const std::string& extra = {})
      : Nginx(site, name, {{directory, extra}}) {}
  // Each server has a port of its own.
  Nginx(const Site& site, const std::string& name, const std::vector<NginxServer>& servers);

  void start();
  void stop();
  int port(std::size_t server = 0) const { return ports_.at(server); }
  std::string endpoint(std::size_t server = 0) const { return "127.0.0.1:" + std::to_string(port(server)); }
  std::string served() const { return settled_serial(port()); }
  // A shell command that makes it read its files again.
  std::string reload_command() const;

 private:
  std::string config_;
  std::string errors_;
  std::string pid_file_;
  std::vector<int> ports_;
  std::unique_ptr<Daemon> daemon_;
};

}  // namespace everseal::system
