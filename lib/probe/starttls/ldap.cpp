// LDAP: the StartTLS extended operation (RFC 4511 section 4.14).
#include "probe/octets.h"
#include "probe/starttls.h"

#include <fmt/format.h>

namespace everseal::probe {
namespace {

class LdapDialogue final : public PacketDialogue {
  void begin() override {
    say("\x30\x1d\x02\x01\x01\x77\x18\x80\x16"
        "1.3.6.1.4.1.1466.20037");
  }

  // A BER length (X.690 section 8.1.3) behind the tag of a sequence.
  std::optional<std::size_t> size_of(std::string_view head) override {
    if (head.front() != '\x30') return not_ldap();
    if (head.size() < 2) return std::nullopt;
    const std::size_t first = big_endian(head.substr(1, 1));
    if (first < 0x80) return 2 + first;
    const std::size_t octets = first & 0x7fU;
    if (octets == 0 || octets > 4) return not_ldap();
    if (head.size() < 2 + octets) return std::nullopt;
    head_ = 2 + octets;
    return head_ + big_endian(head.substr(2, octets));
  }

  // messageID 1 or, for a notice of disconnection, 0; then [APPLICATION 24] with the result code first.
  void on_packet(std::string_view packet) override {
    const std::string_view body = packet.substr(head_);
    if (body.size() < 8 || body[0] != '\x02' || body[1] != '\x01' || body[3] != '\x78') return void(not_ldap());
    const std::size_t length = big_endian(body.substr(4, 1));
    const std::size_t at = 5 + (length < 0x80 ? 0 : length & 0x7fU);
    if (at + 3 > body.size() || body[at] != '\x0a' || body[at + 1] != '\x01') return void(not_ldap());
    const std::size_t code = big_endian(body.substr(at + 2, 1));
    if (code != 0) return refuse(fmt::format("the LDAP server refused StartTLS with result code {}", code));
    go_ahead();
  }

  std::nullopt_t not_ldap() {
    reject("the peer does not answer as an LDAP server");
    return std::nullopt;
  }

  std::size_t head_ = 2;
};

std::unique_ptr<Dialogue> begin_ldap(const std::string&) { return std::make_unique<LdapDialogue>(); }

}  // namespace

extern const Starttls ldap_kind;
const Starttls ldap_kind{"ldap", "LDAP, StartTLS (RFC 4511)", 389, begin_ldap};

}  // namespace everseal::probe
