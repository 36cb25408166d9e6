// Host names to addresses, within a bound in time.
#pragma once

#include "probe/wait.h"

#include <string>
#include <vector>

#include <sys/socket.h>

namespace everseal::probe {

struct Address {
  sockaddr_storage socket{};
  socklen_t size = 0;
  std::string text;  // "127.0.0.1:443", "[::1]:443"
};

struct Resolved {
  std::vector<Address> addresses;  // in the order of RFC 6724, without duplicates
  std::string problem;             // where there is none
  bool timed_out = false;
};

// The system's resolver cannot be interrupted: it runs in a thread of its own that is left behind at the deadline.
// Throws Error(cancelled), or Error(io) where no thread can be had.
Resolved resolve(const std::string& host, int port, Waiter& waiter);

// An IPv4 or IPv6 literal without brackets; an IPv6 zone is allowed.
bool is_address(const std::string& host);

}  // namespace everseal::probe
