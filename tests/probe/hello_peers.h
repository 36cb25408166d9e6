// Peers that take no ClientHello but the one that everybody sent years ago, and one that takes more than the library
// here may speak.
#pragma once

#include "server.h"

#include <string>

#include <sys/socket.h>

namespace everseal::test {

// A HelloRetryRequest for that group (RFC 8446 section 4.1.3).
inline std::string retry_request(std::uint16_t group) {
  const std::string random(
      "\xcf\x21\xad\x74\xe5\x9a\x61\x11\xbe\x1d\x8c\x02\x1e\x65\xb8\x91\xc2\xa2\x11\x16\x7a\xbb\x8c\x5e\x07\x9e\x09\xe2"
      "\xc8\xa8\x33\x9c",
      32);
  const std::string body = "\x03\x03" + random + std::string("\x00\x13\x01\x00\x00\x0c", 6) +
                           std::string("\x00\x2b\x00\x02\x03\x04\x00\x33\x00\x02", 10) +
                           std::string{static_cast<char>(group >> 8), static_cast<char>(group & 0xff)};
  return std::string("\x16\x03\x03\x00", 4) + static_cast<char>(body.size() + 4) + std::string("\x02\x00\x00", 3) +
         static_cast<char>(body.size()) + body;
}

// What has come of the first record, which stays to be read, and how many octets it has in all; 0: nothing came.
struct Peeked {
  std::string octets;
  std::size_t whole = 0;
};
inline Peeked peek_hello(int connection) {
  Peeked peeked{std::string(4096, '\0')};
  const ssize_t got = ::recv(connection, peeked.octets.data(), peeked.octets.size(), MSG_PEEK);
  peeked.octets.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  if (got >= 5)
    peeked.whole =
        5U + static_cast<unsigned char>(peeked.octets[3]) * 256U + static_cast<unsigned char>(peeked.octets[4]);
  return peeked;
}

inline void reset(int connection) {
  const linger at_once{1, 0};
  ::setsockopt(connection, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

enum class Dislikes {
  halves,  // a hello that does not come at once is reset
  size,    // so is one that would not have fitted into one packet
};
inline void serve_picky(SSL_CTX* context, int connection, Dislikes dislikes) {
  constexpr std::size_t kPacket = 1460;
  const Peeked hello = peek_hello(connection);
  const bool bad = dislikes == Dislikes::halves ? hello.octets.size() < hello.whole : hello.whole > kPacket;
  bad ? reset(connection) : serve_tls(context, connection);
}

// Says that it would go on with X25519MLKEM768 to who offers nothing else, and shakes hands with everybody else.
inline void serve_post_quantum(SSL_CTX* context, int connection) {
  constexpr std::uint16_t kX25519MlKem768 = 0x11ec;
  const std::string alone("\x00\x0a\x00\x04\x00\x02\x11\xec", 8);  // supported_groups (RFC 8446 section 4.2.7)
  if (peek_hello(connection).octets.find(alone) == std::string::npos) return serve_tls(context, connection);
  say(connection, retry_request(kX25519MlKem768));
  hear_all(connection);
}

}  // namespace everseal::test
