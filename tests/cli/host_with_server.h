// A host whose certificate is served on loopback.
#pragma once

#include "cli/host.h"
#include "probe/server.h"

namespace everseal::test {

// Serves what was deployed to a host's tls/.
struct HostWithServer : HostWithWww {
  HostWithServer()
      : context(SSL_CTX_new(TLS_server_method())),
        server([this](int connection) { serve_tls(context.get(), connection); }) {
    serve(folder.file("tls/fullchain.pem"), folder.file("tls/privkey.pem"));
  }
  // From the next connection on.
  void serve(const std::string& chain, const std::string& key) const {
    SSL_CTX_use_certificate_chain_file(context.get(), chain.c_str());
    SSL_CTX_use_PrivateKey_file(context.get(), key.c_str(), SSL_FILETYPE_PEM);
  }
  std::string target() const { return fmt::format("127.0.0.1:{}", server.port()); }
  std::string config() const { return folder.file("everseal.toml"); }

  SslContext context;
  Server server;
};

}  // namespace everseal::test
