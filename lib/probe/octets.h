// Numbers and vectors in octets, as network protocols write them.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace everseal::probe {

// An unsigned number, at most eight octets.
std::size_t big_endian(std::string_view octets) noexcept;
std::size_t little_endian(std::string_view octets) noexcept;

// Cuts octets off the front; nullopt where there are fewer.
std::optional<std::string_view> take(std::string_view& octets, std::size_t size);
// Cuts off what has its size before it, in so many octets (RFC 8446 section 3.4).
std::optional<std::string_view> take_sized(std::string_view& octets, std::size_t size_octets);

}  // namespace everseal::probe
