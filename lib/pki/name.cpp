#include "pki/name.h"

#include "base/error.h"

#include <algorithm>
#include <array>
#include <unordered_set>

#include <fmt/format.h>

namespace everseal::pki {
namespace {

std::string key_of(GeneralName::Kind kind, std::string_view text) {
  return fmt::format("{}:{}", to_string(kind), text);
}

GeneralName::Kind general_kind(IdentifierKind kind) noexcept {
  switch (kind) {
    case IdentifierKind::dns:
      return GeneralName::Kind::dns;
    case IdentifierKind::ip:
      return GeneralName::Kind::ip;
    case IdentifierKind::email:
      return GeneralName::Kind::email;
    case IdentifierKind::uri:
      break;
  }
  return GeneralName::Kind::uri;
}

std::optional<IdentifierKind> identifier_kind(GeneralName::Kind kind) noexcept {
  switch (kind) {
    case GeneralName::Kind::dns:
      return IdentifierKind::dns;
    case GeneralName::Kind::ip:
      return IdentifierKind::ip;
    case GeneralName::Kind::email:
      return IdentifierKind::email;
    case GeneralName::Kind::uri:
      return IdentifierKind::uri;
    default:
      return std::nullopt;
  }
}

// The wildcard that would speak for a DNS name: its left-most label replaced, where two labels or more stay below it
// (RFC 9525 section 6.3).
std::optional<std::string> wildcard_over(const Identifier& reference) {
  if (reference.kind() != IdentifierKind::dns || reference.is_wildcard()) return std::nullopt;
  const std::size_t dot = reference.text().find('.');
  if (dot == std::string::npos || reference.text().find('.', dot + 1) == std::string::npos) return std::nullopt;
  return "*" + reference.text().substr(dot);
}

// How a presented name is compared: DNS without regard to case; e-mail and URI normalised where they validate.
std::string comparable(const GeneralName& name) {
  if (name.kind == GeneralName::Kind::dns) return base::lower(name.value.raw());
  if (name.kind == GeneralName::Kind::email || name.kind == GeneralName::Kind::uri)
    if (const auto identifier = to_identifier(name)) return identifier->text();
  return name.value.raw();
}

}  // namespace

std::string_view to_string(GeneralName::Kind kind) noexcept {
  switch (kind) {
    case GeneralName::Kind::dns:
      return "dns";
    case GeneralName::Kind::ip:
      return "ip";
    case GeneralName::Kind::email:
      return "email";
    case GeneralName::Kind::uri:
      return "uri";
    case GeneralName::Kind::directory:
      return "directory";
    case GeneralName::Kind::other:
      break;
  }
  return "other";
}

std::optional<Identifier> to_identifier(const GeneralName& name) {
  const auto kind = identifier_kind(name.kind);
  const std::string& raw = name.value.raw();
  const auto in_certificate = [](char c) { return c > ' ' && c < 0x7f; };
  // What people may type is more than what may stand in a certificate.
  if (!kind || !std::ranges::all_of(raw, in_certificate)) return std::nullopt;
  if (*kind == IdentifierKind::dns && raw.ends_with('.')) return std::nullopt;
  try {
    return Identifier::parse(*kind, raw);
  } catch (const base::Error&) {
    return std::nullopt;
  }
}

std::vector<Identifier> identifiers_of(std::span<const GeneralName> names) {
  std::vector<Identifier> identifiers;
  for (const GeneralName& name : names)
    if (auto identifier = to_identifier(name)) identifiers.push_back(std::move(*identifier));
  return identifiers;
}

bool matches(std::span<const GeneralName> presented, const Identifier& reference) {
  const GeneralName::Kind kind = general_kind(reference.kind());
  const std::optional<std::string> wildcard = wildcard_over(reference);
  return std::ranges::any_of(presented, [&](const GeneralName& name) {
    if (name.kind != kind) return false;
    const std::string text = comparable(name);
    return text == reference.text() || (wildcard && text == *wildcard);
  });
}

bool covers(std::span<const GeneralName> presented, std::span<const Identifier> references) {
  std::unordered_set<std::string> known;
  known.reserve(presented.size());
  for (const GeneralName& name : presented) known.insert(key_of(name.kind, comparable(name)));
  return std::ranges::all_of(references, [&](const Identifier& reference) {
    if (known.contains(key_of(general_kind(reference.kind()), reference.text()))) return true;
    const std::optional<std::string> wildcard = wildcard_over(reference);
    return wildcard && known.contains(key_of(GeneralName::Kind::dns, *wildcard));
  });
}

}  // namespace everseal::pki
