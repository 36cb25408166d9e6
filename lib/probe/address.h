// Where to connect to.
#pragma once

#include <optional>
#include <string>

#include <sys/socket.h>

namespace everseal::probe {

struct Address {
  sockaddr_storage socket{};
  socklen_t size = 0;
  std::string text;  // "127.0.0.1:443", "[::1]:443"
  std::string host;  // "127.0.0.1", "::1"

  // `socket` with that port in place of its own.
  static Address of(const sockaddr_storage& socket, int port);
  // An IPv4 or IPv6 literal without brackets, an IPv6 zone allowed; nullopt where it is none.
  static std::optional<Address> parse(const std::string& literal, int port);
};

bool is_address(const std::string& host);

}  // namespace everseal::probe
