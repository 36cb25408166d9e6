// POP3: RFC 2595 section 4.
#include "base/error.h"
#include "base/text.h"
#include "probe/starttls.h"

#include <fmt/format.h>

namespace everseal::probe {
namespace {

void expect_ok(const std::string& line, base::Fault otherwise, std::string_view what) {
  if (line.starts_with("+OK")) return;
  throw base::Error(otherwise, fmt::format("{} \"{}\"", what, base::printable(line)));
}

void negotiate_pop3(Connection& connection) {
  const std::string greeting = connection.receive_line();
  expect_ok(greeting, greeting.starts_with("-ERR") ? base::Fault::denied : base::Fault::invalid,
            "the peer does not greet as a POP3 server:");
  connection.send("STLS\r\n");
  expect_ok(connection.receive_line(), base::Fault::denied, "the POP3 server answered STLS with");
}

}  // namespace

extern const Starttls pop3_kind;
const Starttls pop3_kind{"pop3", "POP3, STLS (RFC 2595)", 110, negotiate_pop3};

}  // namespace everseal::probe
