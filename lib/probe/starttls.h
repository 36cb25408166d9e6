// Protocols that begin in the clear and switch to TLS on request.
#pragma once

#include "probe/connection.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::probe {

struct Starttls {
  std::string_view name;
  std::string_view summary;
  int port;  // where the protocol is usually spoken
  // Returns when the next octet belongs to TLS. Throws Error(denied) where the peer refuses, Error(invalid) where it
  // speaks another protocol, and what Connection throws; peer text in messages is printable.
  void (*negotiate)(Connection& connection);
};

std::span<const Starttls* const> starttls_protocols();
// Throws Error(usage) that lists the known ones.
const Starttls& require_starttls(std::string_view name);

}  // namespace everseal::probe
