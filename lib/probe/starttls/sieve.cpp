// ManageSieve: RFC 5804 section 2.2.
#include "base/text.h"
#include "probe/starttls.h"

#include <fmt/format.h>

namespace everseal::probe {
namespace {

class SieveDialogue final : public LineDialogue {
  // Capabilities, each in quotes, then OK; STARTTLS is answered by OK alone.
  void on_line(std::string_view line) override {
    const std::string text = base::lower(line);
    if (text.starts_with("no") || text.starts_with("bye"))
      return refuse(fmt::format("{}: the ManageSieve server answered \"{}\"", asked_ ? "STARTTLS" : "greeting",
                                base::printable(line)));
    if (text == "ok" || text.starts_with("ok ")) {
      if (asked_) return go_ahead();
      if (!offered_) return refuse("the ManageSieve server does not offer STARTTLS");
      say("STARTTLS\r\n");
      asked_ = true;
      return;
    }
    if (asked_ || !text.starts_with('"'))
      return reject(fmt::format("the peer does not speak ManageSieve: \"{}\"", base::printable(line)));
    offered_ = offered_ || text.starts_with("\"starttls\"");
  }

  bool offered_ = false, asked_ = false;
};

std::unique_ptr<Dialogue> begin_sieve(const std::string&) { return std::make_unique<SieveDialogue>(); }

bool greets_as_sieve(std::string_view head) { return is_greeting(head, "\"implementation\"", "implementation"); }

}  // namespace

extern const Starttls sieve_kind;
const Starttls sieve_kind{"sieve", "ManageSieve, STARTTLS (RFC 5804)", 4190, begin_sieve, nullptr, greets_as_sieve};

}  // namespace everseal::probe
