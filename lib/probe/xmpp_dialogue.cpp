#include "probe/xmpp_dialogue.h"

#include "base/text.h"

#include <utility>

#include <fmt/format.h>

namespace everseal::probe {
namespace {

constexpr std::size_t kLongestTag = 4096;
constexpr std::string_view kRequest = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";

std::string attribute_text(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '&' || c == '<' || c == '>' || c == '\'' || c == '"' || static_cast<unsigned char>(c) < 0x20)
      escaped += fmt::format("&#{};", static_cast<unsigned>(static_cast<unsigned char>(c)));
    else
      escaped += c;
  }
  return escaped;
}

// Behind the '>' that ends the tag at the front, quoted ones apart; 0 where it is not there yet.
std::size_t tag_size(std::string_view text) {
  char quote = '\0';
  for (std::size_t i = 1; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != '\0') {
      if (c == quote) quote = '\0';
    } else if (c == '\'' || c == '"') {
      quote = c;
    } else if (c == '>') {
      return i + 1;
    }
  }
  return 0;
}

class XmppDialogue final : public Dialogue {
 public:
  XmppDialogue(std::string_view content, std::string server) : content_(content), server_(std::move(server)) {}

 private:
  void begin() override {
    say(
        fmt::format("<?xml version='1.0'?><stream:stream to='{}' xmlns='{}' "
                    "xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>",
                    attribute_text(server_), content_));
  }

  std::size_t take(std::string_view heard) override {
    if (heard.front() != '<') return take_text(heard);
    const std::size_t size = tag_size(heard.substr(0, kLongestTag));
    if (size == 0) {
      if (heard.size() >= kLongestTag) reject("the peer sent a tag without end");
      return 0;
    }
    std::string_view tag = heard.substr(1, size - 2);
    if (tag.starts_with('?') || tag.starts_with('!')) return size;
    const bool closes = tag.starts_with('/');
    const bool alone = tag.ends_with('/');
    if (closes) tag.remove_prefix(1);
    std::string_view name = tag.substr(0, tag.find_first_of(" \t\r\n/"));
    if (const auto colon = name.find(':'); colon != std::string_view::npos) name.remove_prefix(colon + 1);
    on_tag(name, closes, alone);
    return size;
  }

  // Text between tags says nothing here; before the first tag there is none.
  std::size_t take_text(std::string_view heard) {
    const auto tag = heard.find('<');
    const std::string_view text = heard.substr(0, tag);
    if (!in_stream_ && !base::trim(text).empty())
      reject(fmt::format("the peer does not speak XMPP: \"{}\"", base::printable(text.substr(0, 1))));
    return text.size();
  }

  void on_tag(std::string_view name, bool closes, bool alone) {
    if (!in_stream_) {
      if (closes || name != "stream")
        return reject(fmt::format("the peer does not speak XMPP: \"<{}\"", base::printable(name)));
      in_stream_ = true;
      return;
    }
    if (in_error_) return refuse(fmt::format("the XMPP server ended the stream: {}", base::printable(name)));
    if (closes && name == "stream") return refuse("the XMPP server ended the stream");
    if (name == "error" && !closes) {
      in_error_ = true;
      return;
    }
    if (asked_) return on_answer(name, closes, alone);
    if (name == "starttls") offered_ = true;
    if (name != "features" || (!closes && !alone)) return;
    if (!offered_) return refuse("the XMPP server does not offer STARTTLS");
    say(kRequest);
    asked_ = true;
  }

  void on_answer(std::string_view name, bool closes, bool alone) {
    if (name == "failure") return refuse("the XMPP server answered STARTTLS with a failure");
    if (name == "proceed" && (closes || alone)) go_ahead();
  }

  std::string_view content_;
  std::string server_;
  bool in_stream_ = false, in_error_ = false, offered_ = false, asked_ = false;
};

}  // namespace

std::unique_ptr<Dialogue> make_xmpp_dialogue(std::string_view content, const std::string& server) {
  return std::make_unique<XmppDialogue>(content, server);
}

}  // namespace everseal::probe
