// A TLS server that shows a certificate and nothing else: the answer to tls-alpn-01 (RFC 8737).
#pragma once

#include "pki/certificate.h"
#include "pki/key.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace everseal::net {

struct TlsIdentity {
  pki::Certificate certificate;
  pki::Signer key;
};

// Listens from the constructor's return to the destructor's. Clients that do not ask for the application protocol
// "acme-tls/1", or for a name that nobody knows, are refused.
class TlsAlpnServer {
 public:
  // `find` is called on threads of the server with the name that a client asks for (SNI, lower case), which is hostile.
  // Throws Error(io) as HttpServer does.
  TlsAlpnServer(const std::string& address, std::uint16_t port,
                std::function<std::optional<TlsIdentity>(const std::string& name)> find);
  ~TlsAlpnServer();
  TlsAlpnServer(const TlsAlpnServer&) = delete;
  TlsAlpnServer& operator=(const TlsAlpnServer&) = delete;

  std::uint16_t port() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace everseal::net
