// What was seen at one place, with its certificates read once: what the judges get.
#pragma once

#include "base/encoding.h"
#include "base/text.h"
#include "base/time.h"
#include "pki/certificate.h"
#include "pki/name.h"
#include "pki/revocation.h"
#include "pki/trust.h"
#include "probe/capture.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace everseal::audit {

// What the leaf is there for. anchor: a root or intermediate in a trust store, or an authority's own file.
enum class Role : std::uint8_t { server, client, anchor };

// What a handshake agreed on.
struct Agreed {
  std::vector<std::string> versions, ciphers, groups;
};

// What is known of a file beside its certificates; absent: not looked for.
struct Stored {
  std::optional<bool> key_matches;  // absent also where there is no key
  std::optional<bool> is_read;      // some server's config names it
  std::optional<bool> is_renewed;   // Everseal or another client keeps it alive
  std::optional<bool> is_shown{};   // to servers: by a server of this host to its upstreams, or as its profile says
  // What stood in the way of reading it whole: fixed code and words, "encrypted" and what that means here.
  std::vector<std::pair<std::string, std::string>> troubles{};
};

// Borrows the capture. A file has no capture, an endpoint is no file.
struct Sight {
  std::string place;  // "db.example.org:5432", "/etc/nginx/tls/fullchain.pem"; findings carry it
  Role role = Role::server;
  std::vector<pki::Identifier> asked;              // names that the leaf must speak for; empty: not judged
  std::vector<pki::Certificate> chain;             // as sent or stored, leaf first; without what cannot be read
  std::size_t unreadable = 0;                      // how many of it cannot
  std::shared_ptr<const pki::ChainVerdict> trust;  // null: not judged
  // Beside `chain`; shorter or empty: not judged. sight_of fills in what a staple proves of the leaf.
  std::vector<std::optional<pki::RevocationStatus>> revocation;
  const probe::Capture* capture = nullptr;
  std::string starttls;  // "", "smtp", ...
  Agreed agreed;
  std::optional<Stored> stored;
};

// Reads certificates as they come from the wire; counts those that cannot be read.
struct ReadChain {
  std::vector<pki::Certificate> chain;
  std::size_t unreadable = 0;
};
ReadChain read_chain(std::span<const base::Bytes> der);

// The sight of a capture: chain, staple and what the handshake agreed on. Trust and other revocations are the caller's
// to fill in.
Sight sight_of(const probe::Capture& capture, std::string place, std::vector<pki::Identifier> asked);
// The chain of the key of the other family at the same place; nullopt where the listener holds none.
std::optional<Sight> other_sight_of(const probe::Capture& capture, std::string place,
                                    std::vector<pki::Identifier> asked);

// When it ends. Each is absent where it is not known, never zero.
struct Ends {
  std::optional<base::Time> leaf;
  std::optional<base::Time> earliest_sent;
  std::optional<base::Time> path;  // of what the environment's clients use
};
Ends ends_of(const Sight& sight);

}  // namespace everseal::audit
