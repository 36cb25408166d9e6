#include "net/public_address.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <span>

#include <netinet/in.h>

namespace everseal::net {
namespace {

using Octets = std::array<std::uint8_t, 16>;

struct Block {
  Octets first;
  int bits;
};

// IANA's special-purpose registry, what is not globally reachable, multicast and reserved.
constexpr Block kNotPublicV4[] = {
    {{0}, 8},
    {{10}, 8},
    {{100, 64}, 10},
    {{127}, 8},
    {{169, 254}, 16},
    {{172, 16}, 12},
    {{192, 0, 0}, 24},
    {{192, 0, 2}, 24},
    {{192, 88, 99}, 24},
    {{192, 168}, 16},
    {{198, 18}, 15},
    {{198, 51, 100}, 24},
    {{203, 0, 113}, 24},
    {{224}, 4},
    {{240}, 4},
    {{168, 63, 129, 16}, 32},  // Azure's metadata
};
constexpr Block kGlobalV6{{0x20}, 3};
constexpr Block kNotPublicV6[] = {
    {{0x20, 0x01}, 23},              // of protocols, Teredo among them
    {{0x20, 0x01, 0x0d, 0xb8}, 32},  // of documents
    {{0x3f, 0xff}, 20},
};
constexpr Block kMapped{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96};
constexpr Block kNat64{{0x00, 0x64, 0xff, 0x9b}, 96};
constexpr Block k6to4{{0x20, 0x02}, 16};

bool is_in(std::span<const std::uint8_t> address, const Block& block) noexcept {
  for (int bit = 0; bit < block.bits; ++bit) {
    const auto at = static_cast<std::size_t>(bit / 8);
    const unsigned mask = 0x80U >> static_cast<unsigned>(bit % 8);
    if ((address[at] & mask) != (block.first[at] & mask)) return false;
  }
  return true;
}

bool is_public_v4(std::span<const std::uint8_t> address) noexcept {
  return std::ranges::none_of(kNotPublicV4, [&](const Block& block) { return is_in(address, block); });
}

bool is_public_v6(std::span<const std::uint8_t> address) noexcept {
  if (is_in(address, kMapped) || is_in(address, kNat64)) return is_public_v4(address.subspan(12));
  if (is_in(address, k6to4)) return is_public_v4(address.subspan(2, 4));
  return is_in(address, kGlobalV6) &&
         std::ranges::none_of(kNotPublicV6, [&](const Block& block) { return is_in(address, block); });
}

}  // namespace

bool is_public(const sockaddr& address) noexcept {
  Octets octets{};
  if (address.sa_family == AF_INET) {
    std::memcpy(octets.data(), &reinterpret_cast<const sockaddr_in&>(address).sin_addr, 4);
    return is_public_v4(octets);
  }
  if (address.sa_family != AF_INET6) return false;
  std::memcpy(octets.data(), &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr, 16);
  return is_public_v6(octets);
}

}  // namespace everseal::net
