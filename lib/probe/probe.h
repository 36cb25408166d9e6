// The TLS engine: one handshake, or thousands at once behind the same interface.
#pragma once

#include "net/resolver.h"
#include "pki/certificate.h"
#include "pki/signer.h"
#include "probe/capture.h"
#include "probe/proxy.h"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::probe {

// What the probe shows where a server asks for it.
struct ClientCertificate {
  std::vector<base::Bytes> chain;  // DER, leaf first
  pki::Signer key;
};

struct Target {
  std::string host;  // name or address literal
  int port = 443;
  std::string sni;                     // "" : the host where it is a name, none for an address
  std::string starttls;                // "", "smtp", "postgres", ...
  std::optional<std::string> address;  // connect here instead of resolving `host`
  std::vector<std::string> alpn;       // offered; none by default, as some servers refuse what they do not know
  // Only a certificate with such a key can answer, where a listener holds several.
  std::optional<pki::KeyType> key;
  std::shared_ptr<const ClientCertificate> client;
  std::shared_ptr<const Proxy> proxy;  // which resolves the host, and is all that this host connects to
  std::size_t id = 0;                  // the caller's own, handed back with each capture

  // "host:port", "[::1]:443", "::1", "127.0.0.1" (port 443 where none is given). Throws Error(usage).
  static Target parse(std::string_view text);
  std::string text() const;       // "host:port", which parse reads back; printable
  std::string authority() const;  // "host:port" of whom to connect to: of `address` where there is one
};

// What a key of that type can sign a handshake with, as SSL_set1_sigalgs_list takes it.
const char* signature_algorithms(pki::KeyType type) noexcept;

// The bounds in time fire whatever the resolver or the peer does; what waits in this process for its turn waits beside
// them. A bound in number of 0 is none.
struct Limits {
  std::chrono::milliseconds resolve{5'000};
  std::chrono::milliseconds connect{3'000};   // each address
  std::chrono::milliseconds starttls{5'000};  // what goes before TLS; as long for the proxy's answer
  std::chrono::milliseconds handshake{5'000};
  std::chrono::milliseconds total{10'000};  // each capture; each further look has as long again
  int in_flight = 1;                        // connections at once, at most 2,000
  int in_flight_per_host = 16;              // and to one address, whatever its ports
  int per_second = 0;                       // new connections
  int per_second_per_host = 0;
};

enum class Addresses {
  one,  // of a name: the first that answers, in one capture
  all,  // a capture each
};

// What is asked of one address.
struct Asked {
  Depth depth = Depth::first;
  // Of Depth::keys: a leaf that is known to have none of the other family beside it. Where it is still served nobody
  // asks for one.
  std::optional<pki::Fingerprint> alone;
};

struct Scope {
  Addresses addresses = Addresses::one;
  std::size_t most_addresses = 0;  // of a name, the first ones; 0: as many as it has
  net::Families families = net::Families::both;
  Depth depth = Depth::first;
  // Instead of `depth`, of an address as Capture::address has it. Called from the calling thread, when it is known.
  std::function<Asked(const Target&, const std::string& address)> asked;
  std::vector<std::string> name_servers;  // instead of the system's: "10.0.0.53", "10.0.0.53:5300"
};

// Takes targets from `next` until it gives none, probes them, at most limits.in_flight at once, and hands each capture
// to `done`. Both are called from the calling thread, so that a slow `done` holds the probing up and nothing piles up:
// what is held grows with limits.in_flight, not with the targets. A name is asked for once a call. When `stop` is
// requested it returns soon and drops what is under way. Throws what `next` and `done` throw, Error(usage) for a
// STARTTLS protocol that does not exist and what else no target can have, Error(io) where the machine has no descriptor
// or thread left for a single connection.
void probe_all(const std::function<std::optional<Target>()>& next,
               const std::function<void(const Target&, Capture)>& done, const Limits& limits, const Scope& scope = {},
               std::stop_token stop = {});

// The first address that answers. Never throws for what the network does; Error(cancelled) when `stop` is requested,
// else as probe_all.
Capture probe_one(const Target& target, const Limits& limits = {}, const Scope& scope = {}, std::stop_token stop = {});

}  // namespace everseal::probe
