#include "importer/ini.h"

#include "base/error.h"
#include "base/text.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::importer {
namespace {

using base::Table;
using base::Value;

// Parts between commas; quotes go, and what stands behind a '#' outside of them. A comma at the end makes a list of
// one.
Value parse_value(std::string_view text) {
  std::vector<std::string> parts;
  std::string part;
  bool is_list = false;
  bool was_quoted = false;
  const auto finish = [&] {
    const std::string whole(was_quoted ? std::string_view(part) : base::trim(part));
    if (!whole.empty() || was_quoted) parts.push_back(whole);
    part.clear();
    was_quoted = false;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool is_start = base::trim(part).empty();
    const std::size_t end = (c == '"' || c == '\'') && is_start ? text.find(c, i + 1) : std::string_view::npos;
    if (end != std::string_view::npos) {
      part = text.substr(i + 1, end - i - 1);
      was_quoted = true;
      i = end;
    } else if (c == ',') {
      is_list = true;
      finish();
    } else if (c == '#' && (is_start || was_quoted || text[i - 1] == ' ')) {
      break;
    } else if (!was_quoted) {
      part += c;
    }
  }
  finish();
  Value value;
  if (!is_list) {
    value.data = parts.empty() ? std::string() : parts.front();
    return value;
  }
  base::List list;
  for (std::string& one : parts) list.emplace_back().data = std::move(one);
  value.data = std::move(list);
  return value;
}

}  // namespace

Table parse_ini(std::string_view text) {
  Table root;
  std::vector<Table*> open{&root};  // the sections around the line, outermost first
  int number = 0;
  for (const std::string& whole : base::split(text, '\n')) {
    ++number;
    const std::string_view line = base::trim(whole);
    if (line.empty() || line.starts_with('#') || line.starts_with(';')) continue;
    if (line.starts_with('[')) {
      const std::size_t depth = std::min(line.find_first_not_of('['), line.size());
      const std::size_t end = std::min(line.find(']', depth), line.size());
      if (line.substr(end) != std::string(depth, ']') || depth > open.size())
        throw base::Error(base::Fault::invalid, fmt::format("line {} is no section", number));
      open.resize(depth);
      const std::string name(base::trim(line.substr(depth, end - depth)));
      Value section;
      section.data = Table();
      open.back()->emplace_back(name, std::move(section));
      open.push_back(&std::get<Table>(open.back()->back().second.data));
      continue;
    }
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos)
      throw base::Error(base::Fault::invalid, fmt::format("line {} is no option: there is no '='", number));
    open.back()->emplace_back(base::trim(line.substr(0, equals)), parse_value(base::trim(line.substr(equals + 1))));
  }
  return root;
}

std::string text_at(const Table& table, std::string_view key) {
  const Value* const value = base::find(table, key);
  const auto* const text = value == nullptr ? nullptr : std::get_if<std::string>(&value->data);
  return text == nullptr ? std::string() : *text;
}

std::vector<std::string> texts_at(const Table& table, std::string_view key) {
  const Value* const value = base::find(table, key);
  if (value == nullptr) return {};
  if (const auto* const text = std::get_if<std::string>(&value->data)) return {*text};
  std::vector<std::string> texts;
  if (const auto* const list = std::get_if<base::List>(&value->data))
    for (const Value& one : *list) texts.push_back(std::get<std::string>(one.data));
  return texts;
}

const Table& table_at(const Table& table, std::string_view key) {
  static const Table kNone;
  const Value* const value = base::find(table, key);
  const auto* const found = value == nullptr ? nullptr : std::get_if<Table>(&value->data);
  return found == nullptr ? kNone : *found;
}

}  // namespace everseal::importer
