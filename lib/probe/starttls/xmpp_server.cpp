// XMPP between servers: RFC 6120 section 5.
#include "probe/starttls.h"
#include "probe/xmpp_dialogue.h"

namespace everseal::probe {
namespace {

std::unique_ptr<Dialogue> begin_xmpp_server(const std::string& server) {
  return make_xmpp_dialogue("jabber:server", server);
}

}  // namespace

extern const Starttls xmpp_server_kind;
const Starttls xmpp_server_kind{"xmpp-server", "XMPP between servers, STARTTLS (RFC 6120)", 5269, begin_xmpp_server};

}  // namespace everseal::probe
