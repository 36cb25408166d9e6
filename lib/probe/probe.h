// The TLS engine: one handshake, or thousands at once behind the same interface.
#pragma once

#include "pki/signer.h"
#include "probe/capture.h"

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::probe {

struct Target {
  std::string host;  // name or address literal
  int port = 443;
  std::string sni;                     // "" : the host where it is a name, none for an address
  std::string starttls;                // "", "smtp", "postgres", ...
  std::optional<std::string> address;  // connect here instead of resolving `host`
  std::vector<std::string> alpn;       // offered; none by default, as some servers refuse what they do not know
  // Only a certificate with such a key can answer, where a listener holds several.
  std::optional<pki::KeyType> key;
  std::size_t id = 0;  // the caller's own, handed back with each capture

  // "host:port", "[::1]:443", "::1", "127.0.0.1" (port 443 where none is given). Throws Error(usage).
  static Target parse(std::string_view text);
  std::string text() const;  // "host:port", which parse reads back; printable
};

// What a key of that type can sign a handshake with, as SSL_set1_sigalgs_list takes it.
const char* signature_algorithms(pki::KeyType type) noexcept;

// The bounds fire whatever the resolver or the peer does.
struct Limits {
  std::chrono::milliseconds connect{3'000};    // each address
  std::chrono::milliseconds handshake{5'000};  // and as long again for what goes before TLS
  std::chrono::milliseconds total{10'000};     // each capture
  int in_flight = 1;                           // handshakes at once
};

// Takes targets from `next` until it gives none, probes them, at most limits.in_flight at once, and hands each capture
// to `done`. Both are called from one thread at a time. Every address of a name is probed when `Addresses::all`. When
// `stop` is requested it returns soon and drops what is under way. Throws what `next` and `done` throw, and
// Error(usage) for a STARTTLS protocol that does not exist.
enum class Addresses { one, all };
void probe_all(const std::function<std::optional<Target>()>& next,
               const std::function<void(const Target&, Capture)>& done, const Limits& limits, Addresses addresses,
               std::stop_token stop = {});

// The first address that answers. Never throws for what the network does; Error(cancelled) when `stop` is requested,
// Error(usage) for a STARTTLS protocol that does not exist, Error(io) where the machine has no descriptor left.
Capture probe_one(const Target& target, const Limits& limits, std::stop_token stop = {});

}  // namespace everseal::probe
