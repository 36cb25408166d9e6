// XMPP, of clients and between servers: RFC 6120 section 5.
#pragma once

#include "probe/dialogue.h"

#include <memory>
#include <string>
#include <string_view>

namespace everseal::probe {

// `content`: the namespace of the stream's stanzas, "jabber:client" or "jabber:server".
std::unique_ptr<Dialogue> make_xmpp_dialogue(std::string_view content, const std::string& server);

}  // namespace everseal::probe
