// What one handshake showed, before anyone judges it.
#pragma once

#include "base/encoding.h"
#include "base/text.h"
#include "base/time.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::probe {

// How far it went. Everything but `complete` is a result with a cause, not an exception.
enum class Outcome {
  complete,  // the handshake ended; also where all that the server refused was the missing client certificate
  name_not_resolved,
  connection_refused,
  unreachable,  // no route; reset or closed before the first octet of TLS
  timed_out,
  starttls_refused,
  not_tls,           // the peer answered something else
  handshake_failed,  // an alert or a broken handshake; the certificates that were sent are kept
};
std::string_view to_string(Outcome outcome) noexcept;

struct Capture {
  Outcome outcome = Outcome::unreachable;
  std::string problem;             // what failed, printable; empty where complete
  std::string address;             // "127.0.0.1:443", "[::1]:443"
  std::vector<base::Bytes> chain;  // DER as sent, leaf first; also where the handshake failed later
  std::string tls_version;         // "TLSv1.3"
  std::string cipher;
  std::string group;  // "X25519", "P-256", "ffdhe2048"; empty without an ephemeral key exchange
  base::Untrusted alpn;
  bool client_certificate_requested = false;
  bool client_certificate_required = false;  // refused without one (TLS 1.3: alert 116 after the handshake)
  base::Bytes ocsp_response;                 // stapled, DER
  std::chrono::microseconds resolve_time{}, connect_time{}, starttls_time{}, handshake_time{};
  base::Time when;  // begin, by the wall clock
};

}  // namespace everseal::probe
