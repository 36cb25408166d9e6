// Bytes and their textual forms.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::base {

using Bytes = std::vector<std::uint8_t>;
using BytesView = std::span<const std::uint8_t>;

inline BytesView as_bytes(std::string_view text) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(BytesView bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline Bytes to_bytes(std::string_view text) { return {as_bytes(text).begin(), as_bytes(text).end()}; }

std::string hex(BytesView bytes);                       // lower case, no separators
std::optional<Bytes> from_hex(std::string_view text);   // either case; colons between octets are allowed

std::string base64(BytesView bytes);                       // RFC 4648 section 4, padded, one line
std::optional<Bytes> from_base64(std::string_view text);   // blanks and line ends are skipped; padding is checked
std::string base64url(BytesView bytes);                    // RFC 4648 section 5, no padding
std::optional<Bytes> from_base64url(std::string_view text);

std::string base32(BytesView bytes);                       // RFC 4648 section 6, lower case, no padding

// True where `text` is well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms).
bool is_utf8(std::string_view text) noexcept;

}  // namespace everseal::base
