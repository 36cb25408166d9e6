// Replies of three digits, as SMTP, LMTP and FTP give them.
#pragma once

#include "probe/dialogue.h"

#include <string>
#include <string_view>
#include <vector>

namespace everseal::probe {

// RFC 5321 section 4.2, RFC 959 section 4.2: lines of one code, the last of which has a blank behind it.
class ReplyDialogue : public LineDialogue {
 protected:
  // What stands between the lines of one reply: with FTP anything, with SMTP only lines with the code.
  enum class Between { code, anything };
  ReplyDialogue(std::string_view protocol, Between between) : protocol_(protocol), between_(between) {}

  // `code` is three digits; `lines` hold what follows the code and its separator.
  virtual void on_reply(std::string_view code, const std::vector<std::string>& lines) = 0;
  // Refuses: "DOING: the SMTP server answered "LINE"".
  void refuse_reply(std::string_view doing, std::string_view code, const std::vector<std::string>& lines);

 private:
  void on_line(std::string_view line) final;

  std::string_view protocol_;
  Between between_;
  std::string code_;
  std::vector<std::string> lines_;
};

// SMTP (RFC 3207), and LMTP, which greets with another word (RFC 2033 section 4.1).
std::unique_ptr<Dialogue> make_mail_dialogue(std::string_view protocol, std::string_view hello);

}  // namespace everseal::probe
