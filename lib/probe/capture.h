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
  proxy_refused,
  starttls_refused,
  starttls_injected,  // more came in the clear behind the go-ahead for TLS; it was not listened to
  not_tls,            // the peer answered something else
  chain_too_large,    // more certificates than anybody needs, or one that is too long
  handshake_failed,   // an alert or a broken handshake; the certificates that were sent are kept
};
std::string_view to_string(Outcome outcome) noexcept;

// Where a look ended. With `Outcome` it is the fixed reason code of a failure: "handshake timed_out".
enum class Phase { resolve, connect, proxy, starttls, handshake };
std::string_view to_string(Phase phase) noexcept;

// How much is asked of one address, each with all before it.
enum class Depth {
  first,    // one handshake, and a second with all that the library can speak where the first was refused
  keys,     // and a hello for a key of the other family, ECDSA beside RSA; of TLS 1.3 alone a handshake
  further,  // what `Further` tells but for the last two: seven connections more at most
  deep,     // those too, and `Accepted`: some fifty connections more
};

// All that a server takes, by its ServerHello.
struct Accepted {
  std::vector<std::string> versions;  // "TLSv1.3", the newest first
  std::vector<std::string> ciphers;   // of the newest version first; each version's as the server chooses among them
  std::vector<std::string> groups;    // of TLS 1.3 as the server chooses
  // Of TLS 1.2: it goes by its own order rather than the client's. Absent where it takes one suite only.
  std::optional<bool> server_order;
  bool is_whole = true;  // false: some of it was not answered, which says nothing of what it takes
};

// Further looks at the same address, each a connection of its own. Absent: not taken, or not to be told.
struct Further {
  std::optional<bool> resumes;             // a second handshake went on with the ticket or PSK of the first
  std::optional<bool> post_quantum;        // it takes X25519MLKEM768 (0x11EC)
  std::optional<bool> split_hello;         // answers a ClientHello that comes in two halves
  std::vector<base::Bytes> default_chain;  // without SNI, leaf first; empty where that shows nothing
  std::vector<base::Bytes> other_chain;    // of a key of the other family, ECDSA beside RSA
  std::optional<bool> large_hello;         // answers a ClientHello of the size that a post-quantum one has
  // Value of Strict-Transport-Security (RFC 6797), "" without one; absent also of what is no HTTPS.
  std::optional<base::Untrusted> strict_transport;
};

struct Capture {
  Outcome outcome = Outcome::unreachable;
  Phase phase = Phase::resolve;  // where it ended
  std::string problem;           // what failed, printable; empty where complete
  std::optional<int> alert;      // that the peer sent (RFC 8446 section 6)
  std::string greeting;          // of not_tls: the STARTTLS protocol whose server says such a thing first; "" of others
  std::string address;           // "127.0.0.1:443", "[::1]:443"
  std::vector<base::Bytes> chain;  // DER as sent, leaf first; also where the handshake failed later
  std::string tls_version;         // "TLSv1.3"
  std::string cipher;
  std::string group;  // "X25519", "P-256", "ffdhe2048"; empty without an ephemeral key exchange
  base::Untrusted alpn;
  bool client_certificate_requested = false;
  bool client_certificate_required = false;         // refused without one (TLS 1.3: alert 116 after the handshake)
  std::vector<base::Untrusted> client_authorities;  // RFC 4514 names of the CAs that it takes client certificates of
  base::Bytes ocsp_response;                        // stapled, DER
  std::chrono::microseconds resolve_time{}, connect_time{}, proxy_time{}, starttls_time{}, handshake_time{};
  base::Time when;             // begin, by the wall clock
  Depth depth = Depth::first;  // that was asked for and had a sense
  Further further;
  std::optional<Accepted> accepted;  // of Depth::deep
};

}  // namespace everseal::probe
