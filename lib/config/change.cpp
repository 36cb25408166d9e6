#include "config/change.h"

#include "base/error.h"
#include "base/text.h"
#include "config/reader.h"
#include "config/toml.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

namespace everseal::config {
namespace {

using base::Table;
using base::Value;

constexpr std::string_view kDeploy = "deploy";

const Table& table_of(const Table& table, std::string_view key) {
  static const Table none;
  const Value* const value = base::find(table, key);
  const auto* const inner = value == nullptr ? nullptr : std::get_if<Table>(&value->data);
  return inner == nullptr ? none : *inner;
}

void set(Table& table, const std::string& key, const Value& value) {
  const auto found = std::ranges::find(table, key, &Table::value_type::first);
  if (found == table.end())
    table.emplace_back(key, value);
  else
    found->second = value;
}

// As one compares them: whatever place they were written at.
std::string spelling(const Value* value) {
  std::string text;
  if (value != nullptr) append_toml_value(text, *value);
  return text;
}

constexpr std::string_view kNothing = "none";

// Two that differ look different: what reads as the word for nothing, or as more than one, is quoted. An item of one
// field is its text, as one writes it.
std::string text_of(const Value& value) {
  const auto* const item = std::get_if<Table>(&value.data);
  if (item != nullptr && item->size() == 1) return text_of(item->front().second);
  const auto* const text = std::get_if<std::string>(&value.data);
  const bool is_plain = text != nullptr && !text->empty() && *text != kNothing && text->find(", ") == std::string::npos;
  return base::printable(is_plain ? *text : spelling(&value));
}

std::string shown(const Value* value) {
  if (value == nullptr) return std::string(kNothing);
  const auto* const list = std::get_if<base::List>(&value->data);
  if (list == nullptr) return text_of(*value);
  std::vector<std::string> texts;
  for (const Value& one : *list) texts.push_back(text_of(one));
  return base::join(texts, ", ");
}

// Every key of one of the two, in order; `deploy` aside.
template <class Work>
void for_each_difference(const Table& before, const Table& after, Work work) {
  std::set<std::string_view> seen;
  for (const Table* table : {&before, &after})
    for (const auto& [key, value] : *table) {
      if (key == kDeploy || !seen.insert(key).second) continue;
      const Value* const old_value = base::find(before, key);
      const Value* const new_value = base::find(after, key);
      if (spelling(old_value) != spelling(new_value)) work(key, old_value, new_value);
    }
}

// verify = "none" says of a deployment what its absence says of one that is not there.
Table without_none(Table deployment) {
  std::erase_if(deployment, [](const Table::value_type& entry) {
    const auto* const text = std::get_if<std::string>(&entry.second.data);
    return entry.first == "verify" && text != nullptr && *text == "none";
  });
  return deployment;
}

Known known_of(const Settings& config, const Kinds& kinds) {
  Known known;
  const auto signs_here = [&](const Issuer& issuer) {
    const auto kind = std::ranges::find(kinds.issuer, issuer.type, &KindOptions::name);
    return kind != kinds.issuer.end() &&
           std::ranges::find(kind->options, "authority", &base::Option::name) != kind->options.end();
  };
  for (const auto& [name, issuer] : config.issuers) {
    known.issuers.insert(name.text());
    if (!signs_here(issuer)) known.foreign_issuers.insert(name.text());
  }
  for (const auto& [name, challenge] : config.challenges) known.challenges.insert(name.text());
  for (const auto& [name, authority] : config.authorities) known.authorities.insert(name.text());
  for (const Name& name : kinds.known_authorities) known.authorities.insert(name.text());
  for (const auto& [name, profile] : config.profiles) known.profiles.insert(name.text());
  for (const std::string_view name : kBuiltInProfiles) known.profiles.emplace(name);
  return known;
}

struct Edit {
  std::size_t begin = 0, end = 0;  // octets of the text that `text` takes the place of
  std::string text;
};

// The edits of one table; false where it is written in a form that has no place for them.
bool edit_table(const std::string& text, const std::vector<std::string>& path, const Table& before, const Table& after,
                const Table& options, std::vector<Edit>& edits) {
  const auto here = places(text, path);
  if (!here) return false;
  std::string added;
  for (const auto& [key, said] : options) {
    if (key == kDeploy || spelling(base::find(before, key)) == spelling(base::find(after, key))) continue;
    const std::string value = spelling(&said);
    const auto place = std::ranges::find(here->values, key, &Place::key);
    if (place != here->values.end()) {
      edits.push_back({place->begin, place->end, value});
      continue;
    }
    append_toml_key(added, key);
    added += " = " + value + '\n';
  }
  if (added.empty()) return true;
  const bool open_line = here->next == text.size() && !text.ends_with('\n');
  edits.push_back({here->next, here->next, (open_line ? "\n" : "") + added});
  return true;
}

}  // namespace

Table changed(const Certificate& certificate, const Table& options) {
  Table table = to_table(certificate);
  for (const auto& [key, value] : options) {
    if (key != kDeploy) {
      set(table, key, value);
      continue;
    }
    Table deployments = table_of(table, kDeploy);
    for (const auto& [name, said] : std::get<Table>(value.data)) {
      Table deployment = table_of(deployments, name);
      for (const auto& [option, inner] : std::get<Table>(said.data)) set(deployment, option, inner);
      set(deployments, name, Value{std::move(deployment), said.origin});
    }
    set(table, key, Value{std::move(deployments), value.origin});
  }
  return table;
}

Certificate make_certificate(const Name& name, const Table& options, const Settings& config, const Kinds& kinds) {
  base::Problems problems;
  const Known known = known_of(config, kinds);
  Reader reader{kinds, problems, &known};
  const std::string key = dotted("certificate", name.text());
  const base::Origin origin;
  Certificate certificate = read_certificate({name, options, key, origin}, reader);
  if (problems.empty()) return certificate;
  const auto text_of = [](const base::Problem& problem) {
    const std::string where = base::to_string(problem.origin);
    return fmt::format("{}: {}", where.empty() ? problem.key : where, problem.message);
  };
  if (problems.size() == 1) throw base::Error(base::Fault::usage, text_of(problems.front()), problems.front().hint);
  std::string message = "the certificate that is asked for cannot be:";
  for (const base::Problem& problem : problems)
    message += fmt::format("\n  {}{}", text_of(problem), problem.hint.empty() ? "" : " (" + problem.hint + ")");
  throw base::Error(base::Fault::usage, std::move(message));
}

std::vector<std::string> differences(const Certificate& before, const Certificate& after) {
  std::vector<std::string> lines;
  const auto add = [&](const std::string& key, const Value* old_value, const Value* new_value) {
    lines.push_back(fmt::format("{}: {} -> {}", key, shown(old_value), shown(new_value)));
  };
  const Table old_table = to_table(before);
  const Table new_table = to_table(after);
  for_each_difference(old_table, new_table, add);
  const Table& old_deploy = table_of(old_table, kDeploy);
  const Table& new_deploy = table_of(new_table, kDeploy);
  std::set<std::string> names;
  for (const Table* deployments : {&old_deploy, &new_deploy})
    for (const auto& [name, value] : *deployments) names.insert(name);
  for (const std::string& name : names)
    for_each_difference(without_none(table_of(old_deploy, name)), without_none(table_of(new_deploy, name)),
                        [&](const std::string& key, const Value* old_value, const Value* new_value) {
                          add(fmt::format("deploy.{}.{}", name, key), old_value, new_value);
                        });
  return lines;
}

std::optional<std::string> edited(const std::string& text, const Certificate& before, const Certificate& after,
                                  const Table& options) {
  const std::vector<std::string> path{"certificate", before.name.text()};
  const Table old_table = to_table(before);
  const Table new_table = to_table(after);
  std::vector<Edit> edits;
  if (!edit_table(text, path, old_table, new_table, options, edits)) return std::nullopt;
  std::string appended;
  for (const auto& [name, said] : table_of(options, kDeploy)) {
    std::vector<std::string> inner = path;
    inner.insert(inner.end(), {std::string(kDeploy), name});
    const Table& old_deployment = table_of(table_of(old_table, kDeploy), name);
    const Table& new_deployment = table_of(table_of(new_table, kDeploy), name);
    if (old_deployment.empty()) {
      appended += fmt::format("\n[{}.deploy.", dotted("certificate", before.name.text()));
      append_toml_key(appended, name);
      appended += "]\n";
      for (const auto& [key, value] : new_deployment) {
        append_toml_key(appended, key);
        appended += " = ";
        append_toml_value(appended, value);
        appended += '\n';
      }
    } else if (!edit_table(text, inner, old_deployment, new_deployment, std::get<Table>(said.data), edits)) {
      return std::nullopt;
    }
  }
  std::ranges::sort(edits, std::ranges::greater{}, &Edit::begin);
  std::string result = text;
  for (const Edit& edit : edits) {
    if (edit.begin > edit.end || edit.end > result.size()) return std::nullopt;
    result.replace(edit.begin, edit.end - edit.begin, edit.text);
  }
  if (!appended.empty() && !result.ends_with('\n')) result += '\n';
  return result + appended;
}

}  // namespace everseal::config
