// Revocation (RFC 8555 section 7.6).
#pragma once

#include "acme/jws.h"
#include "pki/certificate.h"
#include "pki/crl.h"

#include <stop_token>

namespace everseal::acme {

class Client;

enum class Revoked { now, before };  // before: it was revoked already, and the CA keeps the reason of then

// `identity` is the account that ordered the certificate, or holds authorizations for all of its names, or the
// certificate's own key.
Revoked revoke_certificate(Client& client, const Identity& identity, const pki::Certificate& certificate,
                           pki::RevocationReason reason, std::stop_token stop);

}  // namespace everseal::acme
