// LDAP: the StartTLS extended operation (RFC 4511 section 4.14).
#include "base/error.h"
#include "probe/starttls.h"

#include <array>
#include <string_view>

#include <fmt/format.h>

namespace everseal::probe {
namespace {

using base::Error;
using base::Fault;

constexpr std::size_t kLongestResponse = 4096;

[[noreturn]] void throw_not_ldap() { throw Error(Fault::invalid, "the peer does not answer as an LDAP server"); }

// A BER length (X.690 section 8.1.3), the octets of which follow `connection`'s position.
std::size_t receive_length(Connection& connection) {
  const std::uint8_t first = connection.receive(1).front();
  if (first < 0x80) return first;
  const std::size_t octets = first & 0x7fU;
  if (octets == 0 || octets > 4) throw_not_ldap();
  std::size_t length = 0;
  for (const std::uint8_t octet : connection.receive(octets)) length = (length << 8U) | octet;
  return length;
}

void negotiate_ldap(Connection& connection) {
  static constexpr std::string_view request =
      "\x30\x1d\x02\x01\x01\x77\x18\x80\x16"
      "1.3.6.1.4.1.1466.20037";
  connection.send(request);
  if (connection.receive(1).front() != 0x30) throw_not_ldap();
  const std::size_t length = receive_length(connection);
  if (length > kLongestResponse) throw_not_ldap();
  const base::Bytes body = connection.receive(length);
  // messageID 1 or, for a notice of disconnection, 0; then [APPLICATION 24] with the result code first.
  std::size_t at = 3;
  if (body.size() < 8 || body[0] != 0x02 || body[1] != 1 || body[at] != 0x78) throw_not_ldap();
  ++at;
  at += body[at] < 0x80 ? 1U : 1U + (body[at] & 0x7fU);
  if (at + 3 > body.size() || body[at] != 0x0a || body[at + 1] != 1) throw_not_ldap();
  if (const int code = body[at + 2]; code != 0) {
    throw Error(Fault::denied, fmt::format("the LDAP server refused StartTLS with result code {}", code));
  }
}

}  // namespace

extern const Starttls ldap_kind;
const Starttls ldap_kind{"ldap", "LDAP, StartTLS (RFC 4511)", 389, negotiate_ldap};

}  // namespace everseal::probe
