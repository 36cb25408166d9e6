// SHA-256, the fingerprints made of it, and random octets.
#pragma once

#include "base/encoding.h"

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace everseal::pki {

using Sha256 = std::array<std::uint8_t, 32>;
Sha256 sha256(base::BytesView bytes);

// Only for formats of others that have it.
using Sha1 = std::array<std::uint8_t, 20>;
Sha1 sha1(base::BytesView bytes);

// SHA-256 of a certificate's DER: what identifies it everywhere in Everseal.
struct Fingerprint {
  Sha256 octets{};
  std::string text() const { return base::hex(octets); }           // 64 lower-case hex digits
  static std::optional<Fingerprint> parse(std::string_view text);  // hex of either case, colons allowed
  auto operator<=>(const Fingerprint&) const = default;
};
Fingerprint fingerprint(base::BytesView der);

// From the operating system's generator by way of OpenSSL; throws Error(internal) where that fails.
base::Bytes random_bytes(std::size_t count);
// Uniform in [0, 1), for jitter.
double random_fraction();

}  // namespace everseal::pki

template <>
struct fmt::formatter<everseal::pki::Fingerprint> : fmt::formatter<std::string> {
  auto format(const everseal::pki::Fingerprint& value, format_context& context) const {
    return fmt::formatter<std::string>::format(value.text(), context);
  }
};
