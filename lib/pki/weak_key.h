// Public keys that protect nothing, or less than they should.
#pragma once

#include "base/encoding.h"
#include "pki/certificate.h"
#include "pki/digest.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace everseal::pki {

// RSA keys whose private halves everybody can make or look up: Debian's of 2006 to 2008 (CVE-2008-0166), in the form of
// its package openssl-blacklist. Immutable once loaded.
class KnownKeys {
 public:
  // Every "blacklist.RSA-*" of the directory; none where there is no such directory. Throws Error(invalid) that names
  // file and line where a line is no entry.
  static KnownKeys load(const std::string& directory = "/usr/share/openssl-blacklist");

  bool contains(base::BytesView modulus) const;  // big endian
  std::size_t size() const noexcept { return entries_.size(); }

 private:
  using Entry = std::array<std::uint8_t, 10>;  // the end of a SHA-1
  std::vector<Entry> entries_;                 // sorted
};

enum class KeyFlaw {
  unreadable,     // not decoded; of an elliptic curve also where the point is not on it
  small,          // RSA below 2048 bits, a curve below 224
  odd_size,       // RSA: the modulus is no multiple of 8 bits
  exponent,       // RSA: even, 1, or below 65537
  small_factor,   // RSA: a prime below 752 divides the modulus
  close_factors,  // RSA: Fermat's method finds them within 100 rounds
  roca,           // RSA: made by the chips of CVE-2017-15361
  known,          // on a list
  explicit_curve  // parameters that are written out (RFC 5480 section 2.1.1, CVE-2020-0601)
};
std::string_view to_string(KeyFlaw flaw) noexcept;  // "close-factors"

struct KeyWeakness {
  KeyFlaw flaw;
  bool broken;       // the private half can be had by everybody
  std::string what;  // "RSA 1024 has fewer than 2048 bits"
};
// CA/B TLS Baseline Requirements section 6.1.1.3 and what RFC 9325 section 4.5 asks for. Takes some 2 us, of RSA 2048
// some 25. `known` may be null. Keys of other algorithms have no flaw that this knows.
std::vector<KeyWeakness> find_weaknesses(base::BytesView public_key_info, const KnownKeys* known = nullptr);

// Judges the keys of certificates and remembers what it found, as many chains share their authorities. Thread-safe.
class KeyJudge {
 public:
  // `known` may be null. Remembers at most `most` certificates; what comes beyond is judged and not kept.
  explicit KeyJudge(std::shared_ptr<const KnownKeys> known = nullptr, std::size_t most = 10'000)
      : known_(std::move(known)), most_(most) {}
  std::vector<KeyWeakness> judge(const Certificate& certificate);

 private:
  std::shared_ptr<const KnownKeys> known_;
  std::size_t most_;
  std::mutex mutex_;
  std::map<Fingerprint, std::vector<KeyWeakness>> judged_;
};

}  // namespace everseal::pki
