// XMPP as clients speak it: RFC 6120 section 5.
#include "probe/starttls.h"
#include "probe/xmpp_dialogue.h"

namespace everseal::probe {
namespace {

std::unique_ptr<Dialogue> begin_xmpp(const std::string& server) { return make_xmpp_dialogue("jabber:client", server); }

}  // namespace

extern const Starttls xmpp_kind;
const Starttls xmpp_kind{"xmpp", "XMPP for clients, STARTTLS (RFC 6120)", 5222, begin_xmpp};

}  // namespace everseal::probe
