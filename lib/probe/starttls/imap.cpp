// IMAP: RFC 9051 section 6.2.1.
#include "base/error.h"
#include "base/text.h"
#include "probe/starttls.h"

#include <fmt/format.h>

namespace everseal::probe {
namespace {

using base::Error;
using base::Fault;

void negotiate_imap(Connection& connection) {
  const std::string greeting = connection.receive_line();
  if (!greeting.starts_with("* ")) {
    throw Error(Fault::invalid, fmt::format("the peer does not speak IMAP: \"{}\"", base::printable(greeting)));
  }
  if (!base::lower(greeting).starts_with("* ok")) {
    throw Error(Fault::denied, fmt::format("the IMAP server greets with \"{}\"", base::printable(greeting)));
  }
  connection.send("a1 STARTTLS\r\n");
  while (true) {
    const std::string line = connection.receive_line();
    if (line.starts_with("* ")) continue;
    if (base::lower(line).starts_with("a1 ok")) return;
    throw Error(Fault::denied, fmt::format("the IMAP server answered STARTTLS with \"{}\"", base::printable(line)));
  }
}

}  // namespace

extern const Starttls imap_kind;
const Starttls imap_kind{"imap", "IMAP, STARTTLS (RFC 9051)", 143, negotiate_imap};

}  // namespace everseal::probe
