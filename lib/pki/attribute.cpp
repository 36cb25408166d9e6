#include "pki/attribute.h"

#include "base/encoding.h"
#include "base/text.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::pki {
namespace {

using Text = Attribute::Text;

constexpr Attribute kAttributes[] = {
    {"C", "2.5.4.6", 2, Text::country},
    {"ST", "2.5.4.8", 128, Text::utf8},
    {"L", "2.5.4.7", 128, Text::utf8},
    {"O", "2.5.4.10", 64, Text::utf8},
    {"OU", "2.5.4.11", 64, Text::utf8},
    {"CN", "2.5.4.3", 64, Text::utf8},
    {"serialNumber", "2.5.4.5", 64, Text::printable},
    {"DC", "0.9.2342.19200300.100.1.25", 63, Text::ia5},
    {"UID", "0.9.2342.19200300.100.1.1", 256, Text::utf8},
    {"emailAddress", "1.2.840.113549.1.9.1", 255, Text::ia5},
    {"street", "2.5.4.9", 128, Text::utf8},
    {"postalCode", "2.5.4.17", 40, Text::utf8},
    {"title", "2.5.4.12", 64, Text::utf8},
    {"GN", "2.5.4.42", 64, Text::utf8},
    {"SN", "2.5.4.4", 64, Text::utf8},
    {"organizationIdentifier", "2.5.4.97", 128, Text::utf8},
};

bool is_letter(char c) noexcept { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

// X.680 section 41.4.
bool is_printable_string(char c) noexcept {
  return is_letter(c) || (c >= '0' && c <= '9') || std::string_view(" '()+,-./:=?").find(c) != std::string_view::npos;
}

bool has_control(std::string_view utf8) noexcept {
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    const auto octet = static_cast<unsigned char>(utf8[i]);
    if (octet < 0x20 || octet == 0x7f) return true;
    if (octet == 0xc2 && i + 1 < utf8.size() && static_cast<unsigned char>(utf8[i + 1]) < 0xa0) return true;  // C1
  }
  return false;
}

std::size_t characters(std::string_view utf8) noexcept {
  return static_cast<std::size_t>(
      std::ranges::count_if(utf8, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

}  // namespace

const Attribute* find_attribute(std::string_view name) noexcept {
  const auto same = [](char a, char b) { return (is_letter(a) ? a | 0x20 : a) == (is_letter(b) ? b | 0x20 : b); };
  const auto* const found = std::ranges::find_if(
      kAttributes, [&](const Attribute& attribute) { return std::ranges::equal(attribute.name, name, same); });
  return found == std::end(kAttributes) ? nullptr : found;
}

const Attribute* find_attribute_by_oid(std::string_view oid) noexcept {
  const auto* const found =
      std::ranges::find_if(kAttributes, [&](const Attribute& attribute) { return attribute.oid == oid; });
  return found == std::end(kAttributes) ? nullptr : found;
}

std::vector<std::string> attribute_names() {
  std::vector<std::string> names;
  for (const Attribute& attribute : kAttributes) names.emplace_back(attribute.name);
  return names;
}

std::optional<std::string> broken_rule(const Attribute& attribute, std::string_view value) {
  if (value.empty()) return "the value is empty";
  if (!base::is_utf8(value)) return "the value is not UTF-8";
  if (has_control(value)) return "the value holds a control character";
  if (attribute.text == Text::country) {
    if (value.size() != 2 || !std::ranges::all_of(value, is_letter)) return "a country is two letters (ISO 3166)";
    return std::nullopt;
  }
  if (attribute.text == Text::printable && !std::ranges::all_of(value, is_printable_string))
    return "only letters, digits, blanks and '()+,-./:=? may stand there";
  if (attribute.text == Text::ia5 && std::ranges::any_of(value, [](char c) { return (c & 0x80) != 0; }))
    return "only ASCII may stand there";
  if (characters(value) > attribute.longest)
    return fmt::format("the value is longer than {} characters", attribute.longest);
  return std::nullopt;
}

}  // namespace everseal::pki
