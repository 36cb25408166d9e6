// LMTP: RFC 2033, with the STARTTLS of SMTP (RFC 3207).
#include "probe/reply_dialogue.h"
#include "probe/starttls.h"

namespace everseal::probe {
namespace {

std::unique_ptr<Dialogue> begin_lmtp(const std::string&) { return make_mail_dialogue("LMTP", "LHLO"); }

bool greets_as_lmtp(std::string_view head) { return is_greeting(head, "220", "lmtp"); }

}  // namespace

extern const Starttls lmtp_kind;
const Starttls lmtp_kind{"lmtp", "LMTP, STARTTLS (RFC 2033)", 24, begin_lmtp, nullptr, greets_as_lmtp};

}  // namespace everseal::probe
