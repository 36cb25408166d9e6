#include "inventory/search_name.h"

#include "base/error.h"
#include "base/text.h"

namespace everseal::inventory {
namespace {

std::string reversed(std::string_view name) {
  std::string text;
  text.reserve(name.size());
  while (true) {
    const auto dot = name.rfind('.');
    if (dot == std::string_view::npos) return text.append(name);
    text.append(name.substr(dot + 1)).push_back('.');
    name = name.substr(0, dot);
  }
}

std::string behind_kind(std::string_view kind, std::string_view value) {
  return std::string(kind) + ":" + base::lower(value);
}

}  // namespace

std::string stored_form(const pki::GeneralName& name) {
  if (name.kind == pki::GeneralName::Kind::dns) return reversed(base::lower(name.value.raw()));
  return behind_kind(pki::to_string(name.kind), name.value.raw());
}

std::string searched_form(std::string_view text) {
  try {
    const auto identifier = pki::Identifier::parse(text);
    if (identifier.kind() == pki::IdentifierKind::dns) return reversed(identifier.text());
    return behind_kind(pki::to_string(identifier.kind()), identifier.text());
  } catch (const base::Error&) {
    // Certificates hold names that are no valid identifiers, and those must be found too.
    return reversed(base::lower(text));
  }
}

bool is_suffix(std::string_view text) noexcept {
  return text.starts_with("*.") || (text.starts_with('.') && text.size() > 1);
}

NameRange range_below(std::string_view suffix) {
  const std::string domain = searched_form(suffix.substr(suffix.find('.') + 1));
  return {domain + '.', domain + '/'};  // '/' follows '.'
}

}  // namespace everseal::inventory
