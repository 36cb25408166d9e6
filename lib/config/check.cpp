// What every table has in common: names, unknown keys, inline secrets, kinds.
#include "base/error.h"
#include "base/text.h"
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

bool is_declared(std::string_view key, std::span<const Option> options) {
  return std::ranges::find(options, key, &Option::name) != options.end();
}

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
                    std::span<const std::string_view> subtables, const std::string& key, Problems& problems) {
  std::vector<std::string> known;  // filled when first needed
  for (const auto& [name, value] : table) {
    if (std::ranges::find(subtables, name) != subtables.end()) continue;
    if (std::ranges::any_of(tables, [&](auto options) { return is_declared(name, options); })) continue;
    base::Problem problem{value.origin, dotted(key, name), "unknown key", {}};
    if (looks_secret(name)) {
      say_inline_secret(problem, name);
    } else {
      if (known.empty()) {
        for (const auto options : tables)
          for (const Option& option : options) known.emplace_back(option.name);
        for (const std::string_view subtable : subtables) known.emplace_back(subtable);
      }
      const auto near = base::nearest(name, known);
      problem.hint =
          near ? fmt::format("did you mean '{}'?", *near) : fmt::format("known here: {}", base::join(known, ", "));
    }
    problems.push_back(std::move(problem));
  }
}

base::Options validate_declared(const base::Table& table, std::span<const Option> declared, const std::string& key,
                                const Origin& origin, Problems& problems) {
  std::vector<std::string_view> others;
  for (const auto& [name, value] : table)
    if (!is_declared(name, declared)) others.push_back(name);
  const std::size_t before = problems.size();
  base::Options options = base::Options::validate(table, declared, key, origin, others, problems);
  // Only fields of items can still be unknown here.
  for (std::size_t i = before; i < problems.size(); ++i) {
    const std::string_view field = std::string_view(problems[i].key).substr(problems[i].key.rfind('.') + 1);
    if (problems[i].message == "unknown key" && looks_secret(field)) say_inline_secret(problems[i], field);
  }
  return options;
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
