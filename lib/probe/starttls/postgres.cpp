// PostgreSQL: SSLRequest of the message formats, answered by one octet.
#include "base/error.h"
#include "probe/starttls.h"

#include <array>

namespace everseal::probe {
namespace {

void negotiate_postgres(Connection& connection) {
  static constexpr std::array<std::uint8_t, 8> request{0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f};  // 80877103
  connection.send(request);
  switch (connection.receive(1).front()) {
    case 'S':
      return;
    case 'N':
      throw base::Error(base::Fault::denied, "the PostgreSQL server has TLS switched off (ssl = off)");
    case 'E':
      throw base::Error(base::Fault::denied, "the PostgreSQL server answered the request for TLS with an error");
    default:
      throw base::Error(base::Fault::invalid, "the peer does not answer as a PostgreSQL server");
  }
}

}  // namespace

extern const Starttls postgres_kind;
const Starttls postgres_kind{"postgres", "PostgreSQL, SSLRequest", 5432, negotiate_postgres};

}  // namespace everseal::probe
