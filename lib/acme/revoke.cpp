#include "acme/revoke.h"

#include "acme/client.h"

#include <fmt/format.h>

namespace everseal::acme {

Revoked revoke_certificate(Client& client, const Identity& identity, const pki::Certificate& certificate,
                           pki::RevocationReason reason, std::stop_token stop) {
  std::string payload = fmt::format(R"({{"certificate":"{}")", base::base64url(certificate.der()));
  if (reason != pki::RevocationReason::unspecified) payload += fmt::format(R"(,"reason":{})", static_cast<int>(reason));
  const Reply reply =
      client.post_again(identity, client.directory(stop).revoke_certificate, payload + "}", stop, ClockCheck::none);
  if (reply.problem && reply.problem->is("alreadyRevoked")) return Revoked::before;
  static_cast<void>(reply.require("revoke"));
  return Revoked::now;
}

}  // namespace everseal::acme
