#include "system/s_server.h"

#include <fmt/format.h>

namespace everseal::system {

SServer::SServer(const std::string& directory, const Words& more, int port, const std::string& address)
    : port_(port), address_(address) {
  Words argv{"openssl", "s_server", "-quiet", "-www", "-accept", endpoint()};
  for (const auto& [option, file] : {std::pair{"-cert", "/fullchain.pem"}, std::pair{"-cert_chain", "/chain.pem"},
                                     std::pair{"-key", "/privkey.pem"}})
    argv.insert(argv.end(), {option, directory + file});
  argv.insert(argv.end(), more.begin(), more.end());
  daemon_ = std::make_unique<Daemon>(std::move(argv));
  daemon_->wait_for_port(port_, address_);
}

std::string SServer::endpoint() const { return fmt::format("{}:{}", address_, port_); }

}  // namespace everseal::system
