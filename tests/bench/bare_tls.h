// What OpenSSL alone takes for as many handshakes: a non-blocking client loop that keeps the chains and judges nothing.
#pragma once

#include <string>
#include <vector>

namespace everseal::bench {

struct BareHandshakes {
  std::vector<std::string> addresses;  // IPv4, a handshake each
  int port = 0;
  std::string server_name;
  int in_flight = 1;  // of each thread
  int threads = 1;
  // Behind each handshake another connection, whose hello only an RSA key can answer.
  enum class Keys { one, both } keys = Keys::one;
};
// How many were completed.
int shake(const BareHandshakes& wanted);

}  // namespace everseal::bench
