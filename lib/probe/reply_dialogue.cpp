#include "probe/reply_dialogue.h"

#include "base/text.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace everseal::probe {
namespace {

bool begins_with_code(std::string_view line) {
  return line.size() >= 3 && line.find_first_not_of("0123456789") >= 3 &&
         (line.size() == 3 || line[3] == ' ' || line[3] == '-');
}

class MailDialogue final : public ReplyDialogue {
 public:
  MailDialogue(std::string_view protocol, std::string_view hello)
      : ReplyDialogue(protocol, Between::code), protocol_(protocol), hello_(hello) {}

 private:
  void on_reply(std::string_view code, const std::vector<std::string>& lines) override {
    switch (step_) {
      case Step::greeting:
        if (code != "220") return refuse_reply("greeting", code, lines);
        say(fmt::format("{} localhost\r\n", hello_));
        step_ = Step::hello;
        return;
      case Step::hello:
        if (code != "250") return refuse_reply(hello_, code, lines);
        if (!std::ranges::any_of(lines,
                                 [](const std::string& one) { return base::lower(base::trim(one)) == "starttls"; }))
          return refuse(fmt::format("the {} server does not offer STARTTLS", protocol_));
        say("STARTTLS\r\n");
        step_ = Step::starttls;
        return;
      case Step::starttls:
        if (code != "220") return refuse_reply("STARTTLS", code, lines);
        return go_ahead();
    }
  }

  enum class Step { greeting, hello, starttls } step_ = Step::greeting;
  std::string_view protocol_, hello_;
};

}  // namespace

void ReplyDialogue::on_line(std::string_view line) {
  const bool coded = begins_with_code(line) && (code_.empty() || line.substr(0, 3) == code_);
  if (!coded && (code_.empty() || between_ == Between::code))
    return reject(fmt::format("the peer does not speak {}: \"{}\"", protocol_, base::printable(line)));
  lines_.emplace_back(coded ? line.substr(std::min<std::size_t>(4, line.size())) : line);
  if (coded) code_ = line.substr(0, 3);
  if (!coded || (line.size() > 3 && line[3] == '-')) return;
  on_reply(std::exchange(code_, {}), std::exchange(lines_, {}));
}

void ReplyDialogue::refuse_reply(std::string_view doing, std::string_view code, const std::vector<std::string>& lines) {
  refuse(fmt::format("{}: the {} server answered \"{} {}\"", doing, protocol_, code, base::printable(lines.front())));
}

std::unique_ptr<Dialogue> make_mail_dialogue(std::string_view protocol, std::string_view hello) {
  return std::make_unique<MailDialogue>(protocol, hello);
}

}  // namespace everseal::probe
