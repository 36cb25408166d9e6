// `openssl s_server`, for what no other server lets itself be told.
#pragma once

#include "system/daemon.h"

#include <memory>
#include <string>

namespace everseal::system {

class SServer {
 public:
  // Serves fullchain.pem and privkey.pem of `directory`, which has the chain without the leaf in chain.pem, too.
  explicit SServer(const std::string& directory, const Words& more = {}, int port = free_port(),
                   const std::string& address = "127.0.0.1");
  int port() const noexcept { return port_; }
  std::string endpoint() const;

 private:
  int port_;
  std::string address_;
  std::unique_ptr<Daemon> daemon_;
};

}  // namespace everseal::system
