// tls-alpn-01 (RFC 8737): the answer is a certificate, shown to who asks for "acme-tls/1".
#include "challenge/challenge.h"

#include <cstdint>

namespace everseal::challenge {
namespace {

constexpr base::Option kTlsAlpn01Options[] = {
    {.name = "port", .type = base::OptionType::port, .summary = "where it listens", .fallback = "443"},
    {.name = "address", .type = base::OptionType::address, .summary = "its address; without it every one"},
};

bool can_prove_tls_alpn01(const acme::Authorization& authorization) { return !authorization.wildcard; }

class TlsAlpn01 final : public Answerer {
 public:
  TlsAlpn01(const base::Options& options, Responder& responder) : options_(options), responder_(responder) {}

  void present(std::span<const Task> tasks, std::stop_token) override {
    const auto port = static_cast<std::uint16_t>(options_.integer("port"));
    for (const Task& task : tasks)
      holds_.push_back(responder_.serve_tls_alpn(options_.string("address"), port, task.authorization.identifier,
                                                 acme::key_authorization(task.challenge.token, task.account.key)));
  }

  std::vector<std::string> clean_up() noexcept override {
    holds_.clear();
    return {};
  }

 private:
  base::Options options_;
  Responder& responder_;
  std::vector<std::unique_ptr<Responder::Hold>> holds_;
};

std::unique_ptr<Answerer> open_tls_alpn01(const Method& method, Responder& responder) {
  return std::make_unique<TlsAlpn01>(method.options, responder);
}

}  // namespace

extern const Kind tls_alpn01_kind;
const Kind tls_alpn01_kind{"tls-alpn-01",        "a certificate shown to the CA on port 443",
                           kTlsAlpn01Options,    NeedsProvider::no,
                           can_prove_tls_alpn01, open_tls_alpn01};

}  // namespace everseal::challenge
