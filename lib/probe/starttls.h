// Protocols that begin in the clear and switch to TLS on request.
#pragma once

#include "probe/dialogue.h"
#include "probe/framing.h"

#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace everseal::probe {

struct Starttls {
  std::string_view name;
  std::string_view summary;
  int port;  // where the protocol is usually spoken
  // `server`: the name that the client knows the server by, as xmpp tells it.
  std::unique_ptr<Dialogue> (*begin)(const std::string& server);
  // What stands around the octets of TLS; nullptr for nothing.
  std::unique_ptr<Framing> (*frame)() = nullptr;
  // Are these the first octets that such a server says unasked? nullptr: it waits for the client.
  bool (*greets)(std::string_view head) = nullptr;
};

std::span<const Starttls* const> starttls_protocols();
// Throws Error(usage) that lists the known ones.
const Starttls& require_starttls(std::string_view name);
// What is spoken on that port by custom; nullptr where TLS begins at once.
const Starttls* starttls_on(int port);
// Whose server spoke first and said this; nullptr where it is none that we know.
const Starttls* starttls_greeting(std::string_view head);
// In whatever case: such a beginning, and that word in the first line.
bool is_greeting(std::string_view head, std::string_view beginning, std::string_view word);

}  // namespace everseal::probe
