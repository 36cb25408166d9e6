// One TLS handshake that is looked at: everything the peer shows is kept, nothing is judged.
#pragma once

#include "base/handle.h"
#include "pki/openssl.h"
#include "probe/connection.h"
#include "probe/probe.h"

#include <string>

namespace everseal::probe {

using SslContextHandle = base::Handle<SSL_CTX, SSL_CTX_free>;
using SslHandle = base::Handle<SSL, SSL_free>;

// Offers all that the library can still speak and builds no chain. For one thread at a time.
SslContextHandle make_context();

// Fills `capture`. Throws Error(cancelled), and Error(internal) where the library fails.
void shake_hands(SSL_CTX& context, Connection& connection, const Target& target, const std::string& sni,
                 std::chrono::milliseconds limit, Capture& capture);

}  // namespace everseal::probe
