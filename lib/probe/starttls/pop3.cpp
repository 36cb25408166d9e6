// POP3: RFC 2595 section 4.
#include "base/text.h"
#include "probe/starttls.h"

#include <fmt/format.h>

namespace everseal::probe {
namespace {

class Pop3Dialogue final : public LineDialogue {
  void on_line(std::string_view line) override {
    const bool ok = line.starts_with("+OK");
    if (asked_) {
      if (ok) return go_ahead();
      return refuse(fmt::format("the POP3 server answered STLS with \"{}\"", base::printable(line)));
    }
    if (!ok) {
      const std::string problem =
          fmt::format("the peer does not greet as a POP3 server: \"{}\"", base::printable(line));
      return line.starts_with("-ERR") ? refuse(problem) : reject(problem);
    }
    say("STLS\r\n");
    asked_ = true;
  }

  bool asked_ = false;
};

std::unique_ptr<Dialogue> begin_pop3(const std::string&) { return std::make_unique<Pop3Dialogue>(); }

bool greets_as_pop3(std::string_view head) { return is_greeting(head, "+ok", "+ok"); }

}  // namespace

extern const Starttls pop3_kind;
const Starttls pop3_kind{"pop3", "POP3, STLS (RFC 2595)", 110, begin_pop3, nullptr, greets_as_pop3};

}  // namespace everseal::probe
