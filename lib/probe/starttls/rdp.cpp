// RDP: the negotiation in the X.224 connection request (MS-RDPBCGR section 2.2.1.1 and 2.2.1.2).
#include "probe/octets.h"
#include "probe/starttls.h"

#include <fmt/format.h>

namespace everseal::probe {
namespace {

constexpr std::size_t kTpktHead = 4;

std::string_view rdp_failure(std::size_t code) {
  switch (code) {
    case 2:
      return "it only takes standard RDP security";
    case 3:
      return "it has no certificate";
    case 5:
      return "it demands network level authentication";
    case 6:
      return "it demands a client certificate";
    default:
      return "no reason that is known";
  }
}

class RdpDialogue final : public PacketDialogue {
  void begin() override {
    // TPKT of 19 octets, a connection request, and RDP_NEG_REQ for TLS or CredSSP, which begins with TLS too.
    static constexpr char request[] = {3, 0, 0, 19, 14, '\xe0', 0, 0, 0, 0, 0, 1, 0, 8, 0, 3, 0, 0, 0};
    say({request, sizeof request});
  }

  std::optional<std::size_t> size_of(std::string_view head) override {
    if (head.front() != '\x03') return not_rdp();
    if (head.size() < kTpktHead) return std::nullopt;
    const std::size_t size = big_endian(head.substr(2, 2));
    if (size < kTpktHead + 7) return not_rdp();
    return size;
  }

  void on_packet(std::string_view packet) override {
    const std::string_view body = packet.substr(kTpktHead);
    if ((body[1] & '\xf0') != '\xd0') return void(not_rdp());
    if (body.size() < 15 || body[7] == '\0')
      return refuse("the RDP server knows no TLS: it only takes standard RDP security");
    const std::size_t value = little_endian(body.substr(11, 4));
    if (body[7] == '\x03') return refuse(fmt::format("the RDP server refused TLS: {} ({})", rdp_failure(value), value));
    if (body[7] != '\x02') return void(not_rdp());
    if (value == 0) return refuse("the RDP server chose standard RDP security instead of TLS");
    go_ahead();
  }

  std::nullopt_t not_rdp() {
    reject("the peer does not answer as an RDP server");
    return std::nullopt;
  }
};

std::unique_ptr<Dialogue> begin_rdp(const std::string&) { return std::make_unique<RdpDialogue>(); }

}  // namespace

extern const Starttls rdp_kind;
const Starttls rdp_kind{"rdp", "Remote Desktop, X.224 negotiation", 3389, begin_rdp};

}  // namespace everseal::probe
