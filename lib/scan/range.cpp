#include "scan/range.h"

#include "base/number.h"

#include <array>

#include <arpa/inet.h>

namespace everseal::scan {

std::optional<Range> Range::parse(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::string address(text.substr(0, slash));
  const auto bits = base::parse_number<int>(text.substr(slash + 1));
  std::array<std::uint8_t, 16> octets{};
  const bool is_v4 = ::inet_pton(AF_INET, address.c_str(), octets.data()) == 1;
  if (!is_v4 && ::inet_pton(AF_INET6, address.c_str(), octets.data()) != 1) return std::nullopt;
  const std::size_t size = is_v4 ? 4 : 16;
  if (!bits || *bits < 0 || *bits > static_cast<int>(8 * size)) return std::nullopt;
  Range range;
  range.bits_ = *bits;
  range.first_.assign(octets.begin(), octets.begin() + static_cast<std::ptrdiff_t>(size));
  for (std::size_t i = 0; i < size; ++i) {
    const int kept = std::min(8, std::max(0, *bits - static_cast<int>(8 * i)));
    range.first_[i] &= static_cast<std::uint8_t>(0xff00U >> static_cast<unsigned>(kept));
  }
  return range;
}

std::uint64_t Range::size() const noexcept {
  const int host_bits = static_cast<int>(8 * first_.size()) - bits_;
  if (host_bits >= 63) return std::uint64_t{1} << 63U;
  const std::uint64_t all = std::uint64_t{1} << static_cast<unsigned>(host_bits);
  return has_ends() ? all - 2 : all;
}

std::string Range::size_text() const {
  const int host_bits = static_cast<int>(8 * first_.size()) - bits_;
  return host_bits >= 63 ? "2^" + std::to_string(host_bits) : std::to_string(size());
}

std::string Range::address(std::uint64_t number) const {
  base::Bytes octets = first_;
  std::uint64_t rest = number + (has_ends() ? 1 : 0);
  for (std::size_t i = octets.size(); i-- > 0 && rest != 0;) {
    rest += octets[i];
    octets[i] = static_cast<std::uint8_t>(rest & 0xffU);
    rest >>= 8U;
  }
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(octets.size() == 4 ? AF_INET : AF_INET6, octets.data(), text.data(), text.size());
  return text.data();
}

}  // namespace everseal::scan
