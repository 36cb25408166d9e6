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
  cipher,     // OpenSSL's name
  group,      // "X25519", "P-256", "ffdhe2048", "X25519MLKEM768"
  key,        // of the leaf: "ECDSA P-256", "Ed25519"; RSA by rsa_bits
  signature,  // hash of the signature of leaf and intermediates: "SHA-256"; "none" where the algorithm has none of its
              // own
  lifetime,   // of the leaf: notBefore through notAfter, both included
  usage,      // extended key usages of the leaf
  name,       // subject alternative names of the leaf
};
std::string_view to_string(Limited limited) noexcept;

// One demand with its origin. What is judged breaks it where `accept` is not empty and nothing of it fits, or where
// something of `reject` fits. A "*" stands for any run of characters.
struct Limit {
  Limited limited;
  Level level = Level::must;
  Reach reach = Reach::all_chains;
  std::vector<std::string> accept, reject;
  std::optional<int> rsa_bits;           // of keys: RSA of at least so many bits is accepted
  std::optional<base::Seconds> longest;  // of lifetimes; any second beyond breaks it
  // Of certificates by their notBefore, of handshakes by the time of the look. Of limits of one kind, level, reach and
  // programme that have one, the last that has begun takes the place of the others.
  std::optional<base::Time> from;
  std::string programme;  // whose demand it is: "CA/B TLS Baseline Requirements 2.2.6"
  std::string source;     // section or URL
  std::string date;       // of the text, "2026-03-31" or "2026-03"
};
bool breaks(const Limit& limit, std::string_view value);

struct Policy {
  std::string name;     // "intermediate"
  std::string version;  // "6.0"
  std::string summary;
  std::string hash;  // SHA-256 of the text that it was read from, hex: an auditor asks for it
  std::vector<Limit> limits;

  std::string title() const { return name + " " + version; }  // "intermediate 6.0"
  // Those that hold at `when`.
  std::vector<const Limit*> in_force(Limited limited, base::Time when) const;
};

// Reads the JSON of a policy. `file` is for messages. Throws Error(config) that names file, line and what was
// expected, all of them at once.
Policy parse_policy(std::string_view json, const std::string& file);

// Names of the built-in ones, sorted.
std::vector<std::string> built_in_policies();
// Throws Error(config) that lists the known ones.
Policy built_in_policy(std::string_view name);

}  // namespace everseal::audit
