// Listening sockets for servers of this process.
#pragma once

#include "base/handle.h"

#include <cstdint>
#include <string>

namespace everseal::net {

struct Listening {
  base::FileDescriptor socket;  // non-blocking
  std::uint16_t port = 0;
};

// Binds and listens. `address` "": every address, both families where the host has them. Throws Error(io) that names
// address and port, with a hint: who else may hold it, or which right is missing; Error(config) where `address` is
// none.
Listening listen_on(const std::string& address, std::uint16_t port);

}  // namespace everseal::net
