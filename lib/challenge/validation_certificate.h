// The certificate that answers tls-alpn-01 (RFC 8737 section 3).
#pragma once

#include "net/tls_alpn_server.h"
#include "pki/name.h"

#include <string>

namespace everseal::challenge {

// Self-signed, for `identifier` alone, with the SHA-256 of `key_authorization` in a critical extension; a key of its
// own.
net::TlsIdentity make_validation_certificate(const pki::Identifier& identifier, const std::string& key_authorization,
                                             base::Time now);

// What a CA asks for by SNI: the name itself, or the reverse name of an IP address (RFC 8738 section 6).
std::string server_name_of(const pki::Identifier& identifier);

}  // namespace everseal::challenge
