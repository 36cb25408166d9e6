// What is demanded of keys, signatures, lives and handshakes: data with a version, of the built-in files or the
// operator's.
#pragma once

#include "base/text.h"
#include "base/time.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::audit {

// must: breaking it is an error. should: not recommended, a notice.
enum class Level : std::uint8_t { must, should };
// Public: chains to the system's roots alone.
enum class Reach : std::uint8_t { all_chains, public_chains };

enum class Limited : std::uint8_t {
  version,    // "TLSv1.2"
  cipher,     // OpenSSL's name, "*" for any run of characters
  group,      // "X25519", "P-256", "ffdhe2048", "X25519MLKEM768"
  key,        // "ECDSA P-256", "Ed25519"; RSA by rsa_bits
  signature,  // hash of the signature: "SHA-256", "Ed25519" where it has none
  lifetime,   // notBefore through notAfter, both included
  usage,      // extended key usages of leafs
};

// One demand with its origin. What is judged breaks it where `accept` is not empty and nothing of it fits, or where
// something of `reject` fits.
struct Limit {
  Limited limited;
  Level level = Level::must;
  Reach reach = Reach::all_chains;
  std::vector<std::string> accept, reject;
  std::optional<int> rsa_bits;           // of keys: RSA of at least so many bits is accepted
  std::optional<base::Seconds> longest;  // of lifetimes
  // Of certificates by their notBefore, of handshakes by the time of the look; the next limit of the same kind, level
  // and programme that has begun takes its place.
  std::optional<base::Time> from;
  std::string programme;  // "CA/B TLS Baseline Requirements 2.2.6"
  std::string source;     // section or URL
  std::string date;       // of the text, "2026-03-31"
};

struct Policy {
  std::string name;     // "intermediate"
  std::string version;  // "6.0"
  std::string summary;
  std::string hash;  // SHA-256 of the text that it was read from, hex: an auditor asks for it
  std::vector<Limit> limits;
};

}  // namespace everseal::audit
