// Who serves the answers of http-01 and tls-alpn-01: a server of this process's own, or the agent's port.
#pragma once

#include "pki/name.h"

#include <cstdint>
#include <memory>
#include <string>

namespace everseal::challenge {

// Thread-safe: several orders share one.
class Responder {
 public:
  // An answer is served as long as its Hold lives.
  struct Hold {
    virtual ~Hold() = default;
  };

  virtual ~Responder() = default;
  // Serves `key_authorization` at /.well-known/acme-challenge/TOKEN (RFC 8555 section 8.3), on every address where
  // `address` is empty. Error(io) where the port cannot be bound, with who may hold it or which right is missing.
  virtual std::unique_ptr<Hold> serve_http(const std::string& address, std::uint16_t port, const std::string& token,
                                           const std::string& key_authorization) = 0;
  // Serves the certificate of RFC 8737 section 3 for `identifier` to clients that ask for "acme-tls/1".
  virtual std::unique_ptr<Hold> serve_tls_alpn(const std::string& address, std::uint16_t port,
                                               const pki::Identifier& identifier,
                                               const std::string& key_authorization) = 0;
};

// Listens from the first Hold of an address and port to the last.
std::unique_ptr<Responder> make_stand_alone_responder();

}  // namespace everseal::challenge
