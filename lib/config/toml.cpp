#include "config/toml.h"

#include "base/encoding.h"
#include "base/error.h"
#include "base/text.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

#include <fmt/format.h>
#include <toml++/toml.h>

namespace everseal::config {
namespace {

using base::Origin;
using base::Problems;

// The parser's tables free themselves recursively, and a value takes a hundred times its text: both are bounded before
// the parser sees the text.
constexpr int kDeepestBrackets = 16;
constexpr int kLongestKey = 16;
constexpr int kMostValues = 300'000;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

bool is_bare(std::string_view key) {
  return !key.empty() && std::ranges::all_of(key, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

// Walks over strings and comments as the parser does, until the first thing too deep or too much. Where the text is
// malformed the two may part, but then the parser stops no later than here.
class Bounds {
 public:
  explicit Bounds(std::string_view text) : text_(text) {}

  int line() const noexcept { return line_; }
  // What is wrong at line(); "" where nothing is.
  std::string_view run() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"' || c == '\'') {
        skip_string(c);
        continue;
      }
      if (c == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
        continue;
      }
      if (c == '\n') ++line_;
      if (c == '[' && brackets_ == 0 && is_nameless_header())
        return "this is not TOML: column 1: a table's header needs a name";
      if (c == '[' || c == '{') ++brackets_;
      if ((c == ']' || c == '}') && brackets_ > 0) --brackets_;
      if (c == '\n' || c == '=' || c == ',' || c == '[' || c == '{') dots_ = 0;
      if (c == '.') ++dots_;
      if (c == '=' || c == ',') ++values_;
      if (brackets_ > kDeepestBrackets || dots_ >= kLongestKey) return "nested too deeply to be a config";
      if (values_ > kMostValues) return "more values than a file may hold; split it into files of conf.d";
      ++at_;
    }
    return {};
  }

 private:
  // A header whose first character no key begins with: the parser relies on never being shown one.
  bool is_nameless_header() const {
    std::string_view line = text_.substr(0, at_);
    line.remove_prefix(line.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0);
    const auto before = line.find_last_not_of(" \t");
    if (before != std::string_view::npos && line[before] != '\n') return false;
    std::size_t next = text_.find_first_not_of(" \t", at_ + 1);
    if (next != std::string_view::npos && text_[next] == '[') next = text_.find_first_not_of(" \t", next + 1);
    if (next == std::string_view::npos) return false;
    const char c = text_[next];
    return c != ']' && c != '"' && c != '\'' && !is_bare(text_.substr(next, 1));
  }

  void skip_string(char quote) {
    const std::string_view triple = quote == '"' ? "\"\"\"" : "'''";
    const bool multi_line = text_.substr(at_, 3) == triple;
    at_ += multi_line ? 3 : 1;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '\n') {
        if (!multi_line) return;
        ++line_;
      }
      if (c == '\\' && quote == '"') {
        if (at_ + 1 < text_.size() && text_[at_ + 1] == '\n') ++line_;
        at_ += 2;
        continue;
      }
      if (c == quote && (!multi_line || text_.substr(at_, 3) == triple)) {
        at_ += multi_line ? 3 : 1;
        // Up to two quotes may stand before the closing three.
        for (int extra = 0; multi_line && extra < 2 && at_ < text_.size() && text_[at_] == quote; ++extra) ++at_;
        return;
      }
      ++at_;
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int line_ = 1;
  int brackets_ = 0;
  int dots_ = 0;
  int values_ = 0;
};

// Where in the tree a value is, spelt out only when there is something to say about it.
struct Path {
  const Path* parent;
  std::string_view key;  // empty: the `index`th of a list
  std::size_t index = 0;

  std::string text() const {
    const std::string above = parent == nullptr ? std::string() : parent->text();
    return key.empty() ? fmt::format("{}[{}]", above, index) : dotted(above, key);
  }
};

class Converter {
 public:
  Converter(const std::string& file, Problems& problems) : file_(file), problems_(problems) {}

  base::Table table(const toml::table& from, const Path* path) {
    struct Entry {
      const toml::key* key;
      const toml::node* node;
    };
    std::vector<Entry> entries;
    entries.reserve(from.size());
    for (const auto& [key, node] : from) entries.push_back({&key, &node});
    std::ranges::stable_sort(entries, [](const Entry& a, const Entry& b) {
      const toml::source_position left = a.key->source().begin, right = b.key->source().begin;
      return left.line != right.line ? left.line < right.line : left.column < right.column;
    });

    base::Table to;
    to.reserve(entries.size());
    for (const Entry& entry : entries) {
      const Path here{path, entry.key->str()};
      if (auto made = value(*entry.node, {file_, line_of(*entry.key, *entry.node)}, here))
        to.emplace_back(std::string(entry.key->str()), std::move(*made));
    }
    return to;
  }

 private:
  // A table is where its own header stands, anything else where its key stands.
  static int line_of(const toml::key& key, const toml::node& node) {
    const int key_line = static_cast<int>(key.source().begin.line);
    const int node_line = static_cast<int>(node.source().begin.line);
    return std::max(1, node.is_table() && node_line > 0 ? node_line : key_line);
  }

  std::optional<base::Value> value(const toml::node& node, const Origin& origin, const Path& path) {
    if (const auto* const text = node.as_string()) return base::Value{text->get(), origin};
    if (const auto* const number = node.as_integer()) return base::Value{number->get(), origin};
    if (const auto* const flag = node.as_boolean()) return base::Value{flag->get(), origin};
    if (const auto* const inner = node.as_table()) return base::Value{table(*inner, &path), origin};
    if (const auto* const array = node.as_array()) return base::Value{list(*array, origin, path), origin};
    problems_.push_back({origin, path.text(),
                         node.is_floating_point() ? "a number with a fraction, which no option takes"
                                                  : "a date or time, which no option takes",
                         "put it in quotes if text is meant"});
    return std::nullopt;
  }

  base::List list(const toml::array& array, const Origin& origin, const Path& path) {
    base::List to;
    to.reserve(array.size());
    for (std::size_t i = 0; i < array.size(); ++i) {
      const toml::node& item = *array.get(i);
      const int line = static_cast<int>(item.source().begin.line);
      if (auto made = value(item, {file_, line > 0 ? line : origin.line}, {&path, {}, i}))
        to.push_back(std::move(*made));
    }
    return to;
  }

  const std::string& file_;
  Problems& problems_;
};

// Lines and columns, as the parser counts them from 1, to octets.
class LineIndex {
 public:
  explicit LineIndex(std::string_view text) : text_(text), begins_{0} {
    for (std::size_t at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1))
      begins_.push_back(at + 1);
  }

  // Behind the line and its end.
  std::size_t end_of(std::size_t line) const { return line < begins_.size() ? begins_[line] : text_.size(); }
  // Columns count characters, and none for a byte order mark.
  std::size_t offset(toml::source_position position) const {
    constexpr std::string_view kMark = "\xef\xbb\xbf";
    std::size_t at = position.line > begins_.size() ? text_.size() : begins_[position.line - 1];
    if (at == 0 && text_.starts_with(kMark)) at = kMark.size();
    for (toml::source_index column = 1; column < position.column && at < text_.size(); ++column) {
      ++at;
      while (at < text_.size() && (static_cast<unsigned char>(text_[at]) & 0xc0U) == 0x80) ++at;
    }
    return at;
  }

 private:
  std::string_view text_;
  std::vector<std::size_t> begins_;
};

// The escape that TOML has for what `printable` would not show as itself.
void append_escaped(std::string& out, std::string_view character) {
  const auto lead = static_cast<unsigned char>(character.front());
  std::uint32_t code = character.size() == 1 ? lead : lead & (0xffU >> (character.size() + 1));
  for (const char c : character.substr(1)) code = code << 6 | (static_cast<unsigned char>(c) & 63U);
  if (code < 0x10000)
    out += fmt::format("\\u{:04X}", code);
  else
    out += fmt::format("\\U{:08X}", code);
}

}  // namespace

std::optional<base::Table> read_toml(const Source& source, Problems& problems) {
  Bounds bounds(source.text);
  if (const std::string_view wrong = bounds.run(); !wrong.empty()) {
    problems.push_back({{source.path, bounds.line()}, {}, std::string(wrong), {}});
    return std::nullopt;
  }
  try {
    const toml::table root = toml::parse(std::string_view(source.text), std::string_view(source.path));
    return Converter(source.path, problems).table(root, nullptr);
  } catch (const toml::parse_error& error) {
    const auto at = error.source().begin;
    problems.push_back({{source.path, static_cast<int>(at.line)},
                        {},
                        fmt::format("this is not TOML: column {}: {}", at.column, base::printable(error.description())),
                        {}});
    return std::nullopt;
  }
}

std::optional<Places> places(std::string_view text, std::span<const std::string> path) {
  if (!Bounds(text).run().empty()) return std::nullopt;
  toml::table root;
  try {
    root = toml::parse(text);
  } catch (const toml::parse_error&) {
    return std::nullopt;
  }
  const toml::table* table = &root;
  for (const std::string& key : path) {
    const toml::node* const inner = table->get(key);
    table = inner == nullptr ? nullptr : inner->as_table();
    if (table == nullptr) return std::nullopt;
  }
  const LineIndex lines(text);
  Places places;
  places.next = lines.end_of(table->source().begin.line);
  std::size_t last_line = 0;
  for (const auto& [key, node] : *table) {
    if (const toml::table* const inner = node.as_table(); inner != nullptr && !inner->is_inline()) continue;
    const toml::source_region& at = node.source();
    places.values.push_back({std::string(key.str()), lines.offset(at.begin), lines.offset(at.end)});
    if (at.end.line < last_line) continue;
    last_line = at.end.line;
    places.next = lines.end_of(at.end.line);
  }
  return places;
}

void append_toml_string(std::string& out, std::string_view text) {
  if (!base::is_utf8(text))
    throw base::Error(base::Fault::usage, fmt::format("'{}' is not UTF-8", base::printable(text.substr(0, 80))),
                      "a config holds UTF-8 text only");
  out += '"';
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    const std::string_view character = text.substr(i, length);
    if (lead == '"' || lead == '\\') {
      out += '\\';
      out += character;
    } else if (lead == '\n') {
      out += "\\n";
    } else if (lead == '\t') {
      out += "\\t";
    } else if (lead >= 0x20 && lead < 0x7f) {
      out += character;
    } else if (base::printable(character) == character) {
      out += character;
    } else {
      append_escaped(out, character);
    }
    i += length;
  }
  out += '"';
}

void append_toml_key(std::string& out, std::string_view key) {
  if (is_bare(key))
    out += key;
  else
    append_toml_string(out, key);
}

void append_toml_value(std::string& out, const base::Value& value) {
  if (const auto* const text = std::get_if<std::string>(&value.data)) {
    append_toml_string(out, *text);
  } else if (const auto* const number = std::get_if<std::int64_t>(&value.data)) {
    out += std::to_string(*number);
  } else if (const auto* const flag = std::get_if<bool>(&value.data)) {
    out += *flag ? "true" : "false";
  } else if (const auto* const list = std::get_if<base::List>(&value.data)) {
    out += '[';
    for (std::size_t i = 0; i < list->size(); ++i) {
      if (i > 0) out += ", ";
      append_toml_value(out, (*list)[i]);
    }
    out += ']';
  } else {
    const auto& table = std::get<base::Table>(value.data);
    out += table.empty() ? "{" : "{ ";
    for (std::size_t i = 0; i < table.size(); ++i) {
      if (i > 0) out += ", ";
      append_toml_key(out, table[i].first);
      out += " = ";
      append_toml_value(out, table[i].second);
    }
    out += table.empty() ? "}" : " }";
  }
}

std::string dotted(std::string_view parent, std::string_view key) {
  constexpr std::size_t longest = 80;
  std::string path(parent);
  if (!path.empty()) path += '.';
  if (is_bare(key) && key.size() <= longest)
    path += key;
  else
    path += '"' + base::printable(key.substr(0, longest)) + (key.size() > longest ? "..." : "") + '"';
  return path;
}

}  // namespace everseal::config
