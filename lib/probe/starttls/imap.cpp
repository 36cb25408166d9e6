// IMAP: RFC 9051 section 6.2.1.
#include "base/text.h"
#include "probe/starttls.h"

#include <fmt/format.h>

namespace everseal::probe {
namespace {

class ImapDialogue final : public LineDialogue {
  void on_line(std::string_view line) override {
    if (asked_) return on_answer(line);
    if (!line.starts_with("* "))
      return reject(fmt::format("the peer does not speak IMAP: \"{}\"", base::printable(line)));
    if (!base::lower(line).starts_with("* ok"))
      return refuse(fmt::format("the IMAP server greets with \"{}\"", base::printable(line)));
    say("a1 STARTTLS\r\n");
    asked_ = true;
  }

  void on_answer(std::string_view line) {
    if (line.starts_with("* ")) return;
    if (base::lower(line).starts_with("a1 ok")) return go_ahead();
    refuse(fmt::format("the IMAP server answered STARTTLS with \"{}\"", base::printable(line)));
  }

  bool asked_ = false;
};

std::unique_ptr<Dialogue> begin_imap(const std::string&) { return std::make_unique<ImapDialogue>(); }

bool greets_as_imap(std::string_view head) { return is_greeting(head, "* ", "ok"); }

}  // namespace

extern const Starttls imap_kind;
const Starttls imap_kind{"imap", "IMAP, STARTTLS (RFC 9051)", 143, begin_imap, nullptr, greets_as_imap};

}  // namespace everseal::probe
