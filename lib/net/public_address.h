// Which addresses belong to everybody's internet.
#pragma once

#include <sys/socket.h>

namespace everseal::net {

// Whether an IPv4 or IPv6 address is globally reachable by the registries of RFC 6890 and serves no cloud's metadata;
// of one that carries an IPv4 address (mapped, NAT64, 6to4) whether that is. False for every other family.
bool is_public(const sockaddr& address) noexcept;

}  // namespace everseal::net
