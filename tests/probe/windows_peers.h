// Servers of RDP and MSSQL as far as TLS: Debian has neither.
#pragma once

#include "server.h"

#include <algorithm>
#include <string>
#include <string_view>

namespace everseal::test {

template <std::size_t Size>
std::string octets(const char (&text)[Size]) {
  return {text, Size - 1};
}

inline const std::string kRdpRequest =
    octets("\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00\x00");
inline const std::string kMssqlRequest = octets(
    "\x12\x01\x00\x1a\x00\x00\x00\x00"
    "\x00\x00\x0b\x00\x06\x01\x00\x11\x00\x01\xff"
    "\x11\x00\x00\x00\x00\x00\x01");

// A PRELOGIN response with a version and that answer to the wish for encryption.
inline std::string mssql_response(char encryption) {
  return octets(
             "\x04\x01\x00\x1a\x00\x00\x01\x00"
             "\x00\x00\x0b\x00\x06\x01\x00\x11\x00\x01\xff"
             "\x10\x00\x0f\xa1\x00\x00") +
         encryption;
}
// Shakes hands as an MSSQL server does: TLS inside packets of at most `largest` octets, and bare behind the handshake.
inline void serve_mssql(SSL_CTX* context, int connection, std::size_t largest) {
  hear(connection, kMssqlRequest.size());
  say(connection, mssql_response('\x01'));
  const Session session(SSL_new(context));
  BIO* const in = BIO_new(BIO_s_mem());
  BIO* const out = BIO_new(BIO_s_mem());
  SSL_set_bio(session.get(), in, out);
  while (true) {
    const int result = SSL_accept(session.get());
    char* data = nullptr;
    const auto size = static_cast<std::size_t>(BIO_get_mem_data(out, &data));
    std::string_view flight(data, size);
    for (; !flight.empty(); flight.remove_prefix(std::min(flight.size(), largest))) {
      const std::size_t body = std::min(flight.size(), largest);
      const std::size_t whole = body + 8;
      say(connection, std::string{'\x12', '\x01', static_cast<char>(whole >> 8), static_cast<char>(whole & 0xff)} +
                          std::string(4, '\0') + std::string(flight.substr(0, body)));
    }
    BIO_reset(out);
    if (result == 1 || SSL_get_error(session.get(), result) != SSL_ERROR_WANT_READ) break;
    const std::string head = hear(connection, 8);
    if (head.size() < 8 || head[0] != '\x12') break;
    const std::string body =
        hear(connection, static_cast<unsigned char>(head[2]) * 256U + static_cast<unsigned char>(head[3]) - 8U);
    BIO_write(in, body.data(), static_cast<int>(body.size()));
  }
  ERR_clear_error();
  hear_all(connection);
}

// Grants TLS to whoever asks for it, and shakes hands.
inline void serve_rdp(SSL_CTX* context, int connection) {
  hear(connection, kRdpRequest.size());
  say(connection, octets("\x03\x00\x00\x13\x0e\xd0\x00\x00\x12\x34\x00\x02\x00\x08\x00\x01\x00\x00\x00"));
  serve_tls(context, connection);
}

}  // namespace everseal::test
