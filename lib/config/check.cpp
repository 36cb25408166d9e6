// What every table has in common: names, unknown keys, inline secrets, kinds.
#include "base/error.h"
#include "base/text.h"
#include "config/parse.h"
#include "config/reader.h"
#include "config/toml.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace everseal::config {
namespace {

using base::Option;
using base::Origin;
using base::Problems;

constexpr std::size_t kUnknownShown = 20;  // of one table

bool looks_secret(std::string_view key) {
  constexpr std::array<std::string_view, 7> words{"password", "passphrase", "passwd",     "secret",
                                                  "token",    "api_key",    "private_key"};
  const std::string text = base::lower(key);
  return !text.ends_with("_file") &&
         std::ranges::any_of(words, [&](std::string_view word) { return text.find(word) != std::string::npos; });
}

void say_inline_secret(base::Problem& problem, std::string_view key) {
  problem.message = "inline secrets are refused";
  problem.hint = fmt::format("use {}_file = \"PATH\" or \"credential:NAME\"", base::printable(key.substr(0, 80)));
}

std::vector<std::string> names_of(std::span<const KindOptions> kinds) {
  std::vector<std::string> names;
  for (const KindOptions& kind : kinds) names.emplace_back(kind.name);
  return names;
}

}  // namespace

bool is_declared(std::string_view key, std::span<const Option> options) {
  return std::ranges::find(options, key, &Option::name) != options.end();
}

std::vector<NamedTable> named_tables(const base::Value& value, const std::string& key, std::string_view what,
                                     Reader& reader) {
  const std::string hint = fmt::format("write [{}.NAME] and its options below", key);
  const auto* const tables = std::get_if<base::Table>(&value.data);
  if (tables == nullptr) {
    reader.complain(value.origin, key, "expected named tables", hint);
    return {};
  }
  std::vector<NamedTable> found;
  found.reserve(tables->size());
  for (const auto& [text, inner] : *tables) {
    const auto* const table = std::get_if<base::Table>(&inner.data);
    if (table == nullptr) {
      reader.complain(inner.origin, dotted(key, text), fmt::format("expected a table, the {} of that name", what),
                      hint);
      if (key == what) reader.problems.back().subject = subject_of(key, text);  // of a section, not of a table in it
      continue;
    }
    Name name;
    try {
      name = Name::parse(text, fmt::format("{} name", what));
    } catch (const base::Error& error) {
      reader.complain(inner.origin, dotted(key, text), error.message(), error.hint());
    }
    found.push_back({std::move(name), dotted(key, text), table, &inner.origin});
  }
  return found;
}

void report_unknown(const base::Table& table, std::initializer_list<std::span<const Option>> tables,
                    std::span<const Subtable> subtables, const std::string& key, Problems& problems) {
  std::vector<std::string> known;  // filled when first needed
  std::size_t count = 0;
  for (const auto& [name, value] : table) {
    if (std::ranges::find(subtables, name, &Subtable::key) != subtables.end()) continue;
    if (std::ranges::any_of(tables, [&](auto options) { return is_declared(name, options); })) continue;
    if (++count > kUnknownShown) continue;
    if (known.empty()) {
      for (const auto options : tables)
        for (const Option& option : options) known.emplace_back(option.name);
      for (const Subtable& subtable : subtables) known.emplace_back(subtable.key);
    }
    base::Problem problem{value.origin, dotted(key, name), "unknown key", {}};
    const auto near = base::nearest(name, known);
    const bool misspelt = near && near->ends_with("_file") && *near != name + "_file";
    if (looks_secret(name) && !misspelt)
      say_inline_secret(problem, name);
    else
      problem.hint =
          near ? fmt::format("did you mean '{}'?", *near) : fmt::format("known here: {}", base::join(known, ", "));
    problems.push_back(std::move(problem));
  }
  if (count > kUnknownShown)
    problems.push_back(
        {table.back().second.origin, key, fmt::format("and {} more unknown keys", count - kUnknownShown), {}});
}

base::Options validate_declared(const base::Table& table, std::span<const Option> declared, const std::string& key,
                                const Origin& origin, Problems& problems) {
  const std::size_t before = problems.size();
  base::Options options = base::Options::validate_declared(table, declared, key, origin, problems);
  // Only fields of items can still be unknown here.
  for (std::size_t i = before; i < problems.size(); ++i) {
    const std::string_view field = std::string_view(problems[i].key).substr(problems[i].key.rfind('.') + 1);
    if (problems[i].message == "unknown key" && looks_secret(field)) say_inline_secret(problems[i], field);
  }
  return options;
}

base::Options read_options(const Named& from, Section section, Reader& reader) {
  report_unknown(from.table, {declared(section)}, subtables(section), from.key, reader.problems);
  return validate_declared(from.table, declared(section), from.key, from.origin, reader.problems);
}

const Origin& origin_of(const base::Table& table, std::string_view key, const Origin& otherwise) {
  const base::Value* const value = base::find(table, key);
  return value == nullptr ? otherwise : value->origin;
}

const Origin& origin_of_item(const base::Table& table, std::string_view key, std::size_t index,
                             const Origin& otherwise) {
  const base::Value* const value = base::find(table, key);
  if (value == nullptr) return otherwise;
  const auto* const list = std::get_if<base::List>(&value->data);
  return list != nullptr && index < list->size() ? (*list)[index].origin : value->origin;
}

const KindOptions* find_kind(const Named& from, std::span<const KindOptions> kinds, Reader& reader,
                             std::string_view option) {
  const std::string key = fmt::format("{}.{}", from.key, option);
  const base::Value* const type = base::find(from.table, option);
  const std::vector<std::string> names = names_of(kinds);
  const std::string one_of = fmt::format("one of: {}", base::join(names, ", "));
  if (type == nullptr) {
    reader.complain(from.origin, key, "is missing", one_of);
    return nullptr;
  }
  const auto* const text = std::get_if<std::string>(&type->data);
  if (text == nullptr) {
    reader.complain(type->origin, key, "expected a string", one_of);
    return nullptr;
  }
  const auto kind = std::ranges::find(kinds, *text, &KindOptions::name);
  if (kind != kinds.end()) return &*kind;
  const auto near = base::nearest(*text, names);
  reader.complain(type->origin, key, fmt::format("there is no {} '{}'", option, base::printable(text->substr(0, 80))),
                  near ? fmt::format("did you mean '{}'?", *near) : one_of);
  return nullptr;
}

}  // namespace everseal::config
