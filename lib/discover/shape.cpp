#include "discover/shape.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

namespace everseal::discover {
namespace {

constexpr std::uint8_t kSequence = 0x30;
constexpr std::uint8_t kIndefinite = 0x80;

// What follows tag and length; empty where there is no SEQUENCE. Lengths are not looked at.
base::BytesView within(base::BytesView octets) noexcept {
  if (octets.size() < 2 || octets[0] != kSequence) return {};
  const std::size_t more = octets[1] > kIndefinite ? octets[1] & 0x7fU : 0;
  return more > 4 || octets.size() < 2 + more ? base::BytesView() : octets.subspan(2 + more);
}

bool begins_with(base::BytesView octets, std::span<const std::uint8_t> what) noexcept {
  return octets.size() >= what.size() && std::ranges::equal(octets.first(what.size()), what);
}

}  // namespace

std::optional<DerHeader> der_header(base::BytesView octets) noexcept {
  if (octets.size() < 2 || octets[0] != kSequence || octets[1] == kIndefinite) return std::nullopt;
  if (octets[1] < kIndefinite) return DerHeader{2, octets[1]};
  const std::size_t count = octets[1] & 0x7fU;
  if (count > 4 || octets.size() < 2 + count) return std::nullopt;
  std::size_t length = 0;
  for (const std::uint8_t octet : octets.subspan(2, count)) length = length << 8 | octet;
  return DerHeader{2 + count, length};
}

Shape shape_of(base::BytesView octets) noexcept {
  constexpr std::array<std::uint8_t, 4> kVersion{0xa0, 0x03, 0x02, 0x01};  // [0] EXPLICIT INTEGER of one octet
  constexpr std::array<std::uint8_t, 11> kSignedData{0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02};
  constexpr std::array<std::uint8_t, 4> kPfx{0x02, 0x01, 0x03, kSequence};
  constexpr std::array<std::uint8_t, 4> kPkcs8{0x02, 0x01, 0x00, kSequence};
  constexpr std::array<std::uint8_t, 4> kPkcs8Version2{0x02, 0x01, 0x01, kSequence};
  constexpr std::array<std::uint8_t, 4> kPkcs1{0x02, 0x01, 0x00, 0x02};
  constexpr std::array<std::uint8_t, 4> kSec1{0x02, 0x01, 0x01, 0x04};
  constexpr std::array<std::uint8_t, 10> kPbes{0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05};
  constexpr std::array<std::uint8_t, 11> kPkcs12Pbe{0x06, 0x0a, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x01};
  const base::BytesView contents = within(octets);
  const base::BytesView inner = within(contents);
  if (begins_with(inner, kVersion)) return Shape::certificate;
  if (begins_with(contents, kSignedData)) return Shape::pkcs7;
  if (begins_with(contents, kPfx)) return Shape::pkcs12;
  if (begins_with(inner, kPbes) || begins_with(inner, kPkcs12Pbe)) return Shape::encrypted_key;
  for (const auto* const form : {&kPkcs8, &kPkcs8Version2, &kPkcs1, &kSec1})
    if (begins_with(contents, *form)) return Shape::private_key;
  return Shape::other;
}

}  // namespace everseal::discover
