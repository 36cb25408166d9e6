#include "importer/assignments.h"

#include "base/encoding.h"
#include "base/text.h"

#include <algorithm>

namespace everseal::importer {
namespace {

constexpr std::string_view kStart = "__ACME_BASE64__START_";
constexpr std::string_view kEnd = "__ACME_BASE64__END_";

bool is_variable(std::string_view name) noexcept {
  return !name.empty() && (name.front() < '0' || name.front() > '9') && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

std::string unquoted(std::string_view text) {
  if (text.size() >= 2 && (text.front() == '\'' || text.front() == '"') && text.back() == text.front())
    text = text.substr(1, text.size() - 2);
  if (text.size() >= kStart.size() + kEnd.size() && text.starts_with(kStart) && text.ends_with(kEnd)) {
    const auto inside = text.substr(kStart.size(), text.size() - kStart.size() - kEnd.size());
    if (const auto decoded = base::from_base64(inside)) return std::string(base::as_text(*decoded));
  }
  return std::string(text);
}

}  // namespace

Assignments parse_assignments(std::string_view text) {
  Assignments found;
  for (const std::string& whole : base::split(text, '\n')) {
    std::string_view line = base::trim(whole);
    if (line.starts_with("export ")) line = base::trim(line.substr(7));
    const std::size_t equals = std::min(line.find('='), line.size());
    const std::string_view name = line.substr(0, equals);
    if (equals == line.size() || !is_variable(name)) continue;
    found.insert_or_assign(std::string(name), unquoted(line.substr(equals + 1)));
  }
  return found;
}

std::string text_at(const Assignments& assignments, std::string_view name) {
  const auto found = assignments.find(name);
  return found == assignments.end() ? std::string() : found->second;
}

}  // namespace everseal::importer
