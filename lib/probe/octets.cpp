#include "probe/octets.h"

namespace everseal::probe {
namespace {

std::size_t octet(char c) noexcept { return static_cast<unsigned char>(c); }

}  // namespace

std::size_t big_endian(std::string_view octets) noexcept {
  std::size_t number = 0;
  for (const char c : octets) number = number << 8U | octet(c);
  return number;
}

std::size_t little_endian(std::string_view octets) noexcept {
  std::size_t number = 0;
  for (std::size_t i = octets.size(); i > 0; --i) number = number << 8U | octet(octets[i - 1]);
  return number;
}

std::optional<std::string_view> take(std::string_view& octets, std::size_t size) {
  if (octets.size() < size) return std::nullopt;
  const std::string_view taken = octets.substr(0, size);
  octets.remove_prefix(size);
  return taken;
}

std::optional<std::string_view> take_sized(std::string_view& octets, std::size_t size_octets) {
  const auto size = take(octets, size_octets);
  return size ? take(octets, big_endian(*size)) : std::nullopt;
}

}  // namespace everseal::probe
