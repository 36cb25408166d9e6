#include "importer/ini.h"

#include "base/error.h"
#include "base/secret.h"
#include "base/text.h"

#include <algorithm>
#include <unordered_set>

#include <fmt/format.h>

namespace everseal::importer {
namespace {

using base::Table;
using base::Value;

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

[[noreturn]] void refuse(int line, std::string_view what) {
  throw base::Error(base::Fault::invalid, fmt::format("line {} {}", line, what));
}

bool is_end_or_comment(std::string_view rest) { return rest.empty() || rest.front() == '#'; }

// Where the quote that `text` begins with is closed: the first that a comma, a comment or nothing follows.
std::size_t closing_quote(std::string_view text) {
  for (std::size_t at = text.find(text.front(), 1); at != std::string_view::npos; at = text.find(text.front(), at + 1))
    if (const std::string_view rest = base::trim(text.substr(at + 1)); is_end_or_comment(rest) || rest.front() == ',')
      return at;
  return std::string_view::npos;
}

// Takes one part of a value from the front of `text`, up to the comma or comment behind it.
std::string_view take_part(std::string_view& text, int line) {
  const bool is_quoted = text.front() == '"' || text.front() == '\'';
  const std::size_t end = is_quoted ? closing_quote(text) : std::min(text.find_first_of(",#"), text.size());
  if (end == std::string_view::npos) refuse(line, "has a quote that is not closed");
  if (end == 0) refuse(line, "has a list with nothing between two commas");
  const std::string_view part = is_quoted ? text.substr(1, end - 1) : base::trim(text.substr(0, end));
  text = base::trim(text.substr(is_quoted ? end + 1 : end));
  return part;
}

Value parse_value(std::string_view text, int line) {
  Value value;
  base::List parts;
  bool is_list = text.starts_with(',') && is_end_or_comment(base::trim(text.substr(1)));  // without any part
  if (is_list) text = {};
  while (!is_end_or_comment(text)) {
    parts.emplace_back().data = std::string(take_part(text, line));
    if (is_end_or_comment(text)) break;
    is_list = true;
    text = base::trim(text.substr(1));
  }
  if (is_list)
    value.data = std::move(parts);
  else if (parts.empty())
    value.data = std::string();
  else
    value = std::move(parts.front());
  return value;
}

class Reading {
 public:
  explicit Reading(std::string_view text) : rest_(text) {
    if (rest_.starts_with(kByteOrderMark)) rest_.remove_prefix(kByteOrderMark.size());
  }

  Table run() {
    while (!rest_.empty()) {
      const std::string_view line = base::trim(take_line());
      if (base::has_nul(line)) refuse(line_, "is no text");
      if (is_end_or_comment(line)) continue;
      if (line.starts_with('['))
        open_section(line);
      else
        add_option(line);
    }
    return std::move(root_);
  }

 private:
  struct Section {
    Table* table;
    std::unordered_set<std::string_view> keys;
  };

  std::string_view take_line() {
    ++line_;
    const std::size_t end = std::min(rest_.find('\n'), rest_.size());
    const std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    return line;
  }

  Value& add(std::string_view key, Value value) {
    if (!open_.back().keys.insert(key).second) refuse(line_, "says again what stands above it");
    return open_.back().table->emplace_back(key, std::move(value)).second;
  }

  void open_section(std::string_view line) {
    const std::size_t depth = std::min(line.find_first_not_of('['), line.size());
    const std::size_t end = std::min(line.find(']', depth), line.size());
    const std::string_view name = base::trim(line.substr(depth, end - depth));
    if (name.empty() || !line.substr(end).starts_with(std::string(depth, ']')) ||
        !is_end_or_comment(base::trim(line.substr(end + depth))))
      refuse(line_, "is no section");
    if (depth > open_.size()) refuse(line_, "is a section inside of none");
    open_.resize(depth);
    Value section;
    section.data = Table();
    open_.push_back({&std::get<Table>(add(name, std::move(section)).data), {}});
  }

  void add_option(std::string_view line) {
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos || equals == 0) refuse(line_, "is no option: it has no name before a '='");
    const std::string_view text = base::trim(line.substr(equals + 1));
    const bool is_long = text.starts_with("'''") || text.starts_with("\"\"\"");
    add(base::trim(line.substr(0, equals)), is_long ? take_long(text) : parse_value(text, line_));
  }

  // A text in three quotes may go on over the lines that follow.
  Value take_long(std::string_view begin) {
    const std::string_view quote = begin.substr(0, 3);
    const std::string_view all(begin.data() + 3,
                               static_cast<std::size_t>(rest_.data() + rest_.size() - begin.data()) - 3);
    const std::size_t end = all.find(quote);
    if (end == std::string_view::npos) refuse(line_, "has a quote that is not closed");
    Value value;
    value.data = std::string(all.substr(0, end));
    rest_ = all.substr(end + 3);
    line_ += static_cast<int>(std::ranges::count(all.substr(0, end), '\n')) - 1;
    if (!is_end_or_comment(base::trim(take_line()))) refuse(line_, "goes on behind its quotes");
    return value;
  }

  std::string_view rest_;
  int line_ = 0;
  Table root_;
  std::vector<Section> open_{{&root_, {}}};  // around the line, outermost first
};

void wipe_value(Value& value) noexcept {
  if (auto* const text = std::get_if<std::string>(&value.data)) base::wipe(text->data(), text->size());
  if (auto* const list = std::get_if<base::List>(&value.data))
    for (Value& one : *list) wipe_value(one);
  if (auto* const table = std::get_if<Table>(&value.data)) wipe(*table);
}

}  // namespace

Table parse_ini(std::string_view text) { return Reading(text).run(); }

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

void wipe(Table& table) noexcept {
  for (auto& [key, value] : table) wipe_value(value);
}

}  // namespace everseal::importer
