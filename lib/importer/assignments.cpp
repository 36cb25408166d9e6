#include "importer/assignments.h"

#include "base/encoding.h"
#include "base/text.h"

#include <algorithm>
#include <optional>
#include <ranges>

namespace everseal::importer {
namespace {

using base::Secret;

constexpr std::string_view kStart = "__ACME_BASE64__START_";
constexpr std::string_view kEnd = "__ACME_BASE64__END_";

bool is_variable(std::string_view name) noexcept {
  return !name.empty() && (name.front() < '0' || name.front() > '9') && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

// What may stand behind a value: a comment, after a blank.
bool ends_here(std::string_view rest) {
  const std::string_view text = base::trim(rest);
  return text.empty() || (text.front() == '#' && text.data() != rest.data());
}

// Without its quotes. acme.sh writes a quote that stands inside as it is, so that closes which nothing follows. nullopt
// where words of a command follow.
std::optional<std::string_view> unquoted(std::string_view text) {
  const char quote = text.empty() ? ' ' : text.front();
  if (quote != '\'' && quote != '"') {
    const std::size_t end = std::min(text.find_first_of(" \t"), text.size());
    return ends_here(text.substr(end)) ? std::optional(text.substr(0, end)) : std::nullopt;
  }
  for (std::size_t at = text.find(quote, 1); at != std::string_view::npos; at = text.find(quote, at + 1))
    if (ends_here(text.substr(at + 1))) return text.substr(1, at - 1);
  return std::nullopt;
}

Secret decoded(std::string_view text) {
  if (text.size() < kStart.size() + kEnd.size() || !text.starts_with(kStart) || !text.ends_with(kEnd))
    return Secret(text);
  auto octets = base::from_base64(text.substr(kStart.size(), text.size() - kStart.size() - kEnd.size()));
  if (!octets) return Secret(text);
  Secret secret(*octets);
  base::wipe(octets->data(), octets->size());
  return secret;
}

}  // namespace

Assignments parse_assignments(std::string_view text) {
  constexpr std::string_view kExport = "export ";
  Assignments found;
  for (const auto whole : std::views::split(text, '\n')) {
    std::string_view line = base::trim(std::string_view(whole.begin(), whole.end()));
    if (line.starts_with(kExport)) line = base::trim(line.substr(kExport.size()));
    const std::size_t equals = std::min(line.find('='), line.size());
    const std::string_view name = line.substr(0, equals);
    if (equals == line.size() || !is_variable(name) || base::has_nul(line)) continue;
    if (const auto value = unquoted(line.substr(equals + 1)))
      found.insert_or_assign(std::string(name), decoded(*value));
  }
  return found;
}

std::string text_at(const Assignments& assignments, std::string_view name) {
  const auto found = assignments.find(name);
  return found == assignments.end() ? std::string() : std::string(found->second.reveal_text());
}

}  // namespace everseal::importer
