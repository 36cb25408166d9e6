#include "base/error.h"
#include "pki/attribute.h"
#include "pki/name.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::pki {
namespace {

using base::Error;
using base::Fault;

constexpr std::string_view kSpecial = "\",+;<>\\";
constexpr std::size_t kLongest = 8192;

[[noreturn]] void reject(std::string_view why, std::string hint = {}) {
  throw Error(Fault::usage, fmt::format("not a subject: {}", why), std::move(hint));
}

// Reads "KEY=VALUE" pairs from left to right.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool at_end() {
    skip_blanks();
    return at_ == text_.size();
  }

  std::string_view key() {
    skip_blanks();
    const std::size_t start = at_;
    at_ = std::min(text_.find_first_of("=,", at_), text_.size());
    const std::string_view key = base::trim(text_.substr(start, at_ - start));
    if (at_ == text_.size() || text_[at_] != '=' || key.empty())
      reject("an attribute is written KEY=VALUE",
             "for example \"C=DE, O=Acme, CN=x\"; a comma in a value is written \"\\,\"");
    ++at_;
    return key;
  }

  // Up to the next unescaped comma, which is passed over; trailing blanks that are not escaped do not count.
  std::string value() {
    skip_blanks();
    if (at_ < text_.size() && text_[at_] == '#') reject("a value that begins with \"#\" is written \"\\#\"");
    std::string value;
    std::size_t kept = 0;
    while (at_ < text_.size() && text_[at_] != ',') {
      const char c = text_[at_++];
      if (c == '\\') {
        value += escaped();
        kept = value.size();
        continue;
      }
      if (kSpecial.find(c) != std::string_view::npos)
        reject(fmt::format("\"{}\" stands in a value without an escape", c), fmt::format("write \"\\{}\"", c));
      value += c;
      if (c != ' ') kept = value.size();
    }
    value.resize(kept);
    if (at_ < text_.size()) {
      ++at_;
      if (at_end()) reject("nothing follows the last comma");
    }
    return value;
  }

 private:
  void skip_blanks() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }

  char escaped() {
    if (at_ < text_.size() && (kSpecial.find(text_[at_]) != std::string_view::npos || text_[at_] == ' ' ||
                               text_[at_] == '#' || text_[at_] == '='))
      return text_[at_++];
    const auto octet = base::from_hex(text_.substr(at_, 2));
    if (!octet || octet->size() != 1)
      reject("a backslash is followed by neither a special character nor two hex digits");
    at_ += 2;
    return static_cast<char>(octet->front());
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

void append_rfc4514(std::string& out, std::string_view value) {
  for (std::size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    const auto octet = static_cast<unsigned char>(c);
    if (octet < 0x20 || octet == 0x7f) {
      out += fmt::format("\\{:02x}", octet);
      continue;
    }
    const bool edge = (i == 0 && (c == ' ' || c == '#')) || (i + 1 == value.size() && c == ' ');
    if (edge || kSpecial.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
}

}  // namespace

DistinguishedName DistinguishedName::parse(std::string_view text) {
  if (text.size() > kLongest) reject("it is far too long");
  DistinguishedName name;
  Reader reader(text);
  while (!reader.at_end()) {
    const std::string_view key = reader.key();
    const Attribute* attribute = find_attribute(key);
    if (attribute == nullptr) {
      const std::vector<std::string> names = attribute_names();
      const auto near = base::nearest(key, names);
      reject(fmt::format("the attribute \"{}\" is not known", base::printable(key)),
             near ? fmt::format("did you mean {}?", *near) : "known are " + base::join(names, ", "));
    }
    std::string value = reader.value();
    if (const auto rule = broken_rule(*attribute, value)) reject(fmt::format("{}: {}", attribute->name, *rule));
    if (attribute->text == Attribute::Text::country)
      std::ranges::transform(value, value.begin(), [](char c) { return c >= 'a' ? static_cast<char>(c - 0x20) : c; });
    name.rdns.emplace_back(attribute->name, std::move(value));
  }
  return name;
}

std::string DistinguishedName::text() const {
  std::string text;
  for (const auto& [key, value] : rdns) {
    text.append(text.empty() ? "" : ", ").append(key).append("=");
    append_rfc4514(text, value);
  }
  return text;
}

std::optional<std::string> DistinguishedName::first(std::string_view attribute) const {
  for (const auto& [key, value] : rdns)
    if (key == attribute) return value;
  return std::nullopt;
}

}  // namespace everseal::pki
