// ClientHello by hand, and what it is answered with: for what is to be known without shaking hands, whatever the
// library can speak.
#pragma once

#include "base/encoding.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::probe {

inline constexpr std::uint16_t kX25519MlKem768 = 0x11ec;

// Code points as IANA registers them (RFC 8446 section 4.2 and appendix B).
struct ClientHello {
  std::string server_name;              // "": none
  std::vector<std::uint16_t> versions;  // 0x0304, 0x0303, ..., highest first
  std::vector<std::uint16_t> ciphers;
  std::vector<std::uint16_t> groups;  // no key is shared: TLS 1.3 answers with the group that it wants
  std::size_t least = 0;              // octets of the record, filled up (RFC 7685); not of SSLv3
  // One record. Throws Error(internal) where the library gives no random octets.
  std::string record() const;
};

// A hello that a usual server of TLS 1.2 or 1.3 answers.
ClientHello usual_hello(const std::string& server_name);

struct ServerHello {
  enum class Kind {
    none_yet,
    hello,  // a HelloRetryRequest too
    alert,
    no_tls,
  } kind = Kind::none_yet;
  std::uint16_t version = 0, cipher = 0;
  std::uint16_t group = 0;  // TLS 1.3; 0: not told
  int alert = 0;

  // By all that came until now.
  static ServerHello read(std::string_view came);
};

}  // namespace everseal::probe
