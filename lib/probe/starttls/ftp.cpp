// FTP: RFC 4217 section 4.
#include "probe/reply_dialogue.h"
#include "probe/starttls.h"

namespace everseal::probe {
namespace {

class FtpDialogue final : public ReplyDialogue {
 public:
  FtpDialogue() : ReplyDialogue("FTP", Between::anything) {}

 private:
  void on_reply(std::string_view code, const std::vector<std::string>& lines) override {
    if (asked_) return code == "234" ? go_ahead() : refuse_reply("AUTH TLS", code, lines);
    if (code == "120") return;  // "ready in nnn minutes": 220 follows
    if (code != "220") return refuse_reply("greeting", code, lines);
    say("AUTH TLS\r\n");
    asked_ = true;
  }

  bool asked_ = false;
};

std::unique_ptr<Dialogue> begin_ftp(const std::string&) { return std::make_unique<FtpDialogue>(); }

bool greets_as_ftp(std::string_view head) { return is_greeting(head, "220", "ftp"); }

}  // namespace

extern const Starttls ftp_kind;
const Starttls ftp_kind{"ftp", "FTP, AUTH TLS (RFC 4217)", 21, begin_ftp, nullptr, greets_as_ftp};

}  // namespace everseal::probe
