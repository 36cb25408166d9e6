// SMTP: RFC 3207.
#include "probe/reply_dialogue.h"
#include "probe/starttls.h"

namespace everseal::probe {
namespace {

std::unique_ptr<Dialogue> begin_smtp(const std::string&) { return make_mail_dialogue("SMTP", "EHLO"); }

bool greets_as_smtp(std::string_view head) { return is_greeting(head, "220", "smtp"); }

}  // namespace

extern const Starttls smtp_kind;
const Starttls smtp_kind{"smtp", "SMTP and submission, STARTTLS (RFC 3207)", 25, begin_smtp, nullptr, greets_as_smtp};

}  // namespace everseal::probe
