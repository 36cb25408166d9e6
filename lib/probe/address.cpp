#include "probe/address.h"

#include "net/system_resolver.h"

#include <cstdint>

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>

namespace everseal::probe {

Address Address::of(const sockaddr_storage& socket, int port) {
  Address address;
  address.socket = socket;
  const auto number = htons(static_cast<std::uint16_t>(port));
  const bool six = socket.ss_family == AF_INET6;
  if (six)
    reinterpret_cast<sockaddr_in6&>(address.socket).sin6_port = number;
  else
    reinterpret_cast<sockaddr_in&>(address.socket).sin_port = number;
  address.size = six ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  address.host = net::numeric_host(reinterpret_cast<const sockaddr&>(address.socket));
  if (address.host.empty()) address.host = "?";
  address.text = six ? fmt::format("[{}]:{}", address.host, port) : fmt::format("{}:{}", address.host, port);
  return address;
}

std::optional<Address> Address::parse(const std::string& literal, int port) {
  const net::SystemAnswer found = net::look_up(literal, AF_UNSPEC, AI_NUMERICHOST);
  if (found.addresses.empty()) return std::nullopt;
  return of(found.addresses.front(), port);
}

bool is_address(const std::string& host) { return Address::parse(host, 0).has_value(); }

}  // namespace everseal::probe
