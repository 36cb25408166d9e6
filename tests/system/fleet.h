// One server at ten thousand addresses.
#pragma once

#include "system/daemon.h"

#include <optional>
#include <string>

namespace everseal::system {

// nginx with a TLS server at one port of every address of 127/8, which reads fullchain.pem and privkey.pem in
// `certificate`. Its own files lie in `home`, which it makes.
class Fleet {
 public:
  Fleet(const std::string& home, const std::string& certificate);
  int port() const noexcept { return port_; }

 private:
  int port_;
  std::optional<Daemon> daemon_;
};

}  // namespace everseal::system
