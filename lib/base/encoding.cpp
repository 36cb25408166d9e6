#include "base/encoding.h"

#include <array>

namespace everseal::base {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrl = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string encode64(BytesView bytes, std::string_view alphabet, bool pad) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  std::size_t i = 0;
  for (; i + 3 <= bytes.size(); i += 3) {
    const std::uint32_t v = std::uint32_t{bytes[i]} << 16 | std::uint32_t{bytes[i + 1]} << 8 | bytes[i + 2];
    text += alphabet[v >> 18];
    text += alphabet[v >> 12 & 63];
    text += alphabet[v >> 6 & 63];
    text += alphabet[v & 63];
  }
  const std::size_t rest = bytes.size() - i;
  if (rest > 0) {
    const std::uint32_t v =
        std::uint32_t{bytes[i]} << 16 | (rest == 2 ? std::uint32_t{bytes[i + 1]} << 8 : std::uint32_t{0});
    text += alphabet[v >> 18];
    text += alphabet[v >> 12 & 63];
    if (rest == 2) text += alphabet[v >> 6 & 63];
    if (pad) text.append(3 - rest, '=');
  }
  return text;
}

constexpr std::array<std::int8_t, 256> decode_table(std::string_view alphabet) {
  std::array<std::int8_t, 256> table{};
  table.fill(-1);
  for (std::size_t i = 0; i < alphabet.size(); ++i)
    table[static_cast<unsigned char>(alphabet[i])] = static_cast<std::int8_t>(i);
  return table;
}

enum class Padding { required, forbidden };

std::optional<Bytes> decode64(std::string_view text, const std::array<std::int8_t, 256>& table, Padding padding) {
  Bytes bytes;
  bytes.reserve(text.size() / 4 * 3);
  std::uint32_t value = 0;
  int digits = 0;
  int pads = 0;
  for (const char c : text) {
    if (padding == Padding::required) {
      if (c == ' ' || c == '\t' || c == '\r' || c == '\n') continue;
      if (c == '=') {
        ++pads;
        continue;
      }
    }
    const int digit = table[static_cast<unsigned char>(c)];
    if (digit < 0 || pads > 0) return std::nullopt;
    value = value << 6 | static_cast<std::uint32_t>(digit);
    if (++digits == 4) {
      bytes.push_back(static_cast<std::uint8_t>(value >> 16));
      bytes.push_back(static_cast<std::uint8_t>(value >> 8));
      bytes.push_back(static_cast<std::uint8_t>(value));
      value = 0;
      digits = 0;
    }
  }
  if (digits == 1) return std::nullopt;
  if (padding == Padding::required && pads != (digits == 0 ? 0 : 4 - digits)) return std::nullopt;
  // The bits that the last digit holds beyond the last octet must be zero: one text for one value.
  if (digits == 2) {
    if ((value & 0xf) != 0) return std::nullopt;
    bytes.push_back(static_cast<std::uint8_t>(value >> 4));
  } else if (digits == 3) {
    if ((value & 0x3) != 0) return std::nullopt;
    bytes.push_back(static_cast<std::uint8_t>(value >> 10));
    bytes.push_back(static_cast<std::uint8_t>(value >> 2));
  }
  return bytes;
}

}  // namespace

std::string hex(BytesView bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::uint8_t b : bytes) {
    text += kHex[b >> 4];
    text += kHex[b & 15];
  }
  return text;
}

std::optional<Bytes> from_hex(std::string_view text) {
  Bytes bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] == ':' && !bytes.empty()) ++i;
    if (i + 2 > text.size()) return std::nullopt;
    const int high = hex_digit(text[i]);
    const int low = hex_digit(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes.push_back(static_cast<std::uint8_t>(high << 4 | low));
    i += 2;
  }
  return bytes;
}

std::string base64(BytesView bytes) { return encode64(bytes, kAlphabet, true); }

std::optional<Bytes> from_base64(std::string_view text) {
  static constexpr auto table = decode_table(kAlphabet);
  return decode64(text, table, Padding::required);
}

std::string base64url(BytesView bytes) { return encode64(bytes, kUrl, false); }

std::optional<Bytes> from_base64url(std::string_view text) {
  static constexpr auto table = decode_table(kUrl);
  return decode64(text, table, Padding::forbidden);
}

std::string base32(BytesView bytes) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz234567";
  std::string text;
  std::uint32_t bits = 0;
  int count = 0;
  for (const std::uint8_t octet : bytes) {
    bits = bits << 8 | octet;
    for (count += 8; count >= 5; count -= 5) text += kLetters[bits >> (count - 5) & 31];
  }
  if (count > 0) text += kLetters[bits << (5 - count) & 31];
  return text;
}

bool is_utf8(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    std::size_t length = 1;
    std::uint32_t value = lead;
    std::uint32_t least = 0;
    if (lead >= 0xf0 && lead <= 0xf4)
      length = 4, value = lead & 7U, least = 0x10000;
    else if (lead >= 0xe0)
      length = 3, value = lead & 15U, least = 0x800;
    else if (lead >= 0xc2)
      length = 2, value = lead & 31U, least = 0x80;
    else if (lead >= 0x80)
      return false;
    if (lead > 0xf4 || i + length > text.size()) return false;
    for (std::size_t k = 1; k < length; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if ((next & 0xc0) != 0x80) return false;
      value = value << 6 | (next & 63U);
    }
    if (value < least || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) return false;
    i += length;
  }
  return true;
}

}  // namespace everseal::base
