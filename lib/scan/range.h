// The addresses of a network, one after the other.
#pragma once

#include "base/encoding.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace everseal::scan {

// "10.0.0.0/24", "2001:db8::/120" (RFC 4632, RFC 4291 section 2.3). Bits beyond the prefix are cleared.
class Range {
 public:
  static std::optional<Range> parse(std::string_view text);

  // "16777214", "2^64"
  std::string size_text() const;
  // Of IPv4 without the network's own and the broadcast address, but for /31 and /32. At most 2^63.
  std::uint64_t size() const noexcept;
  std::string address(std::uint64_t number) const;  // from 0 to size() - 1

 private:
  base::Bytes first_;  // 4 or 16 octets
  int bits_ = 0;
  bool has_ends() const noexcept { return first_.size() == 4 && bits_ < 31; }
};

}  // namespace everseal::scan
