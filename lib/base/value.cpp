#include "base/value.h"

#include "base/text.h"

#include <fmt/format.h>

namespace everseal::base {

std::string to_string(const Origin& origin) {
  if (origin.line == 0) return printable(origin.file);
  return fmt::format("{}:{}", printable(origin.file), origin.line);
}

Value text_value(std::string text, Origin origin) { return {std::move(text), std::move(origin)}; }

Value number_value(std::int64_t number, Origin origin) { return {number, std::move(origin)}; }

Value list_value(const std::vector<std::string>& texts, const Origin& origin) {
  List list;
  for (const std::string& text : texts) list.push_back(text_value(text, origin));
  return {std::move(list), origin};
}

const Value* find(const Table& table, std::string_view key) noexcept {
  for (const auto& [name, value] : table)
    if (name == key) return &value;
  return nullptr;
}

std::string without_hint(const Problem& problem) {
  std::string text = to_string(problem.origin);
  if (!text.empty()) text += ": ";
  if (!problem.key.empty()) text += printable(problem.key) + ": ";
  return text + problem.message;
}

std::string to_string(const Problem& problem) {
  return without_hint(problem) + (problem.hint.empty() ? "" : fmt::format(" ({})", problem.hint));
}

}  // namespace everseal::base
