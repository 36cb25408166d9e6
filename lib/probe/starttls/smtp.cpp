// SMTP: RFC 3207.
#include "base/error.h"
#include "base/text.h"
#include "probe/starttls.h"

#include <fmt/format.h>

namespace everseal::probe {
namespace {

using base::Error;
using base::Fault;

// The lines of one reply (RFC 5321 section 4.2), all with the same code.
std::vector<std::string> receive_reply(Connection& connection, std::string_view doing, std::string_view expected) {
  std::vector<std::string> lines;
  while (true) {
    lines.push_back(connection.receive_line());
    const std::string& line = lines.back();
    const bool is_reply = line.size() >= 3 && line.find_first_not_of("0123456789") >= 3;
    if (!is_reply || (line.size() > 3 && line[3] != ' ' && line[3] != '-')) {
      throw Error(Fault::invalid, fmt::format("the peer does not speak SMTP: \"{}\"", base::printable(line)));
    }
    if (line.substr(0, 3) != expected) {
      throw Error(Fault::denied, fmt::format("{}: the SMTP server answered \"{}\"", doing, base::printable(line)));
    }
    if (line.size() == 3 || line[3] == ' ') return lines;
  }
}

void negotiate_smtp(Connection& connection) {
  receive_reply(connection, "greeting", "220");
  connection.send("EHLO localhost\r\n");
  bool offered = false;
  for (const std::string& line : receive_reply(connection, "EHLO", "250")) {
    offered = offered || (line.size() > 4 && base::lower(base::trim(line.substr(4))) == "starttls");
  }
  if (!offered) throw Error(Fault::denied, "the SMTP server does not offer STARTTLS");
  connection.send("STARTTLS\r\n");
  receive_reply(connection, "STARTTLS", "220");
}

}  // namespace

extern const Starttls smtp_kind;
const Starttls smtp_kind{"smtp", "SMTP and submission, STARTTLS (RFC 3207)", 25, negotiate_smtp};

}  // namespace everseal::probe
