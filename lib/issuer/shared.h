// What all issuers of a process share of the outside: a client a CA, and who answers challenges.
#pragma once

#include "acme/client.h"
#include "challenge/responder.h"

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>

namespace everseal::issuer {

// Thread-safe.
class Shared {
 public:
  Shared() : Shared(challenge::make_stand_alone_responder()) {}
  explicit Shared(std::unique_ptr<challenge::Responder> responder) : responder_(std::move(responder)) {}

  challenge::Responder& responder() noexcept { return *responder_; }
  // The client of that directory, trust and proxy; made by the first that asks. Lives as long as this.
  acme::Client& acme_client(const acme::ClientSettings& settings);

 private:
  std::unique_ptr<challenge::Responder> responder_;
  std::mutex mutex_;
  std::map<std::tuple<std::string, std::string, std::string>, std::unique_ptr<acme::Client>> clients_;
};

}  // namespace everseal::issuer
