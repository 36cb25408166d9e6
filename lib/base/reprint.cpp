#include "base/reprint.h"

#include "base/text.h"

namespace everseal::base {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

// How long the escape is that `text` begins with; 0: with none.
std::size_t escape_length(std::string_view text) {
  if (text.size() < 2 || text[0] != '\\') return 0;
  if (std::string_view("\\nrt").find(text[1]) != std::string_view::npos) return 2;
  if (text[1] == 'x') return text.size() >= 4 && text.substr(2, 2).find_first_not_of(kHexDigits) == text.npos ? 4 : 0;
  if (!text.starts_with("\\u{")) return 0;
  const auto end = text.find_first_not_of(kHexDigits, 3);
  return end != text.npos && end >= 7 && end <= 9 && text[end] == '}' ? end + 1 : 0;
}

}  // namespace

std::string reprinted(std::string_view text) {
  std::string out;
  std::size_t done = 0;
  for (std::size_t at = text.find('\\'); at != text.npos; at = text.find('\\', at)) {
    const std::size_t length = escape_length(text.substr(at));
    if (length == 0) {
      ++at;
      continue;
    }
    out += printable(text.substr(done, at - done));
    out += text.substr(at, length);
    done = at += length;
  }
  return out + printable(text.substr(done));
}

}  // namespace everseal::base
