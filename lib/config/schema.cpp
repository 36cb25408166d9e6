#include "config/schema.h"

#include "base/number.h"
#include "base/text.h"
#include "config/tables.h"

#include <algorithm>
#include <initializer_list>
#include <limits>

#include <nlohmann/json.hpp>

namespace everseal::config {
namespace {

using Json = nlohmann::ordered_json;
using base::Option;
using base::OptionType;

Json reference(std::string_view definition) { return {{"$ref", "#/$defs/" + std::string(definition)}}; }

// What is a list may be one of its items.
Json one_or_list(const Json& item) { return {{"anyOf", {item, {{"type", "array"}, {"items", item}}}}}; }

Json object_of(std::initializer_list<std::span<const Option>> tables, std::initializer_list<std::string_view> fixed);

Json type_of(const Option& option) {
  switch (option.type) {
    case OptionType::integer: {
      Json type{{"type", "integer"}};
      if (option.lowest != std::numeric_limits<std::int64_t>::min()) type["minimum"] = option.lowest;
      if (option.highest != std::numeric_limits<std::int64_t>::max()) type["maximum"] = option.highest;
      return type;
    }
    case OptionType::port:
      return {{"type", "integer"}, {"minimum", 1}, {"maximum", 65535}};
    case OptionType::boolean:
      return {{"type", "boolean"}};
    case OptionType::choice:
      return {{"enum", option.choices}};
    case OptionType::duration:
      return reference("duration");
    case OptionType::mode:
      return reference("mode");
    case OptionType::owner:
      return reference("owner");
    case OptionType::path:
    case OptionType::directory:
      return reference("path");
    case OptionType::secret_file:
      return reference("secret_file");
    case OptionType::command:
      return reference("command");
    case OptionType::names:
    case OptionType::servers:
      return one_or_list({{"type", "string"}});
    case OptionType::items:
      return one_or_list({{"anyOf", {type_of(option.fields.front()), object_of({option.fields}, {})}}});
    default:
      return {{"type", "string"}};
  }
}

Json fallback_of(const Option& option) {
  switch (option.type) {
    case OptionType::integer:
    case OptionType::port:
      return base::parse_number<std::int64_t>(option.fallback).value_or(0);
    case OptionType::boolean:
      return option.fallback == "true";
    case OptionType::names:
    case OptionType::servers:
      return base::split(option.fallback, ' ');
    default:
      return option.fallback;
  }
}

Json property_of(const Option& option) {
  Json property{{"description", option.summary}};
  property.update(type_of(option));
  if (!option.fallback.empty()) property["default"] = fallback_of(option);
  return property;
}

// Those of `fixed` are the caller's to add.
Json object_of(std::initializer_list<std::span<const Option>> tables, std::initializer_list<std::string_view> fixed) {
  Json object{{"type", "object"}, {"properties", Json::object()}, {"additionalProperties", false}};
  Json required = Json::array();
  for (const std::string_view key : fixed) required.push_back(key);
  for (const std::span<const Option> options : tables) {
    for (const Option& option : options) {
      if (std::ranges::find(fixed, option.name) != fixed.end()) continue;
      object["properties"][std::string(option.name)] = property_of(option);
      if (option.required) required.push_back(option.name);
    }
  }
  if (!required.empty()) object["required"] = std::move(required);
  return object;
}

Json table_of(Section section);

void add_subtables(Json& object, Section section) {
  for (const Subtable& subtable : subtables(section)) {
    if (subtable.holds == Holds::one_table) {
      Json& one = object["properties"][std::string(subtable.key)] = {{"description", subtable.summary}};
      one.update(table_of(subtable.section));
      continue;
    }
    Json tables{{"description", subtable.summary},
                {"type", "object"},
                {"propertyNames", reference("name")},
                {"additionalProperties", reference(subtable.section == Section::publication  ? "publication"
                                                   : subtable.section == Section::deployment ? "deployment"
                                                                                             : subtable.key)}};
    Json& property = object["properties"][std::string(subtable.key)];
    if (subtable.holds == Holds::named_tables_or_word) {
      property["description"] = tables["description"];
      tables.erase("description");
      property["anyOf"] = {std::move(tables), {{"type", "string"}}};
    } else {
      property = std::move(tables);
    }
  }
}

Json table_of(Section section) {
  Json object = object_of({declared(section)}, {});
  add_subtables(object, section);
  return object;
}

Json kind_of(const KindOptions& kind, Section section) {
  Json object = object_of({declared(section), kind.options}, {"type"});
  object["properties"]["type"] = {{"const", kind.name}};
  if (section != Section::deployment) return object;
  Json& verify = object["properties"]["verify"];
  verify["anyOf"].insert(verify["anyOf"].begin(), Json{{"const", "none"}});
  object["required"].push_back("verify");
  return object;
}

Json kinds_of(std::span<const KindOptions> kinds, Section section) {
  Json all = Json::array();
  for (const KindOptions& kind : kinds) all.push_back(kind_of(kind, section));
  return {{"type", "object"}, {"oneOf", std::move(all)}};
}

Json challenges_of(const Kinds& kinds) {
  Json all = Json::array();
  for (const KindOptions& kind : kinds.challenge) {
    if (!kind.takes_provider) {
      Json object = kind_of(kind, Section::challenge);
      object["properties"].erase("provider");
      all.push_back(std::move(object));
      continue;
    }
    for (const KindOptions& provider : kinds.dns) {
      Json object = object_of({declared(Section::challenge), kind.options, provider.options}, {"type", "provider"});
      object["properties"]["type"] = {{"const", kind.name}};
      object["properties"]["provider"] = {{"const", provider.name}};
      all.push_back(std::move(object));
    }
  }
  return {{"type", "object"}, {"oneOf", std::move(all)}};
}

Json definitions_of_tables(const Kinds& kinds) {
  return {
      {"issuer", kinds_of(kinds.issuer, Section::issuer)},
      {"challenge", challenges_of(kinds)},
      {"authority", table_of(Section::authority)},
      {"profile", table_of(Section::profile)},
      {"certificate", table_of(Section::certificate)},
      {"endpoint", table_of(Section::endpoint)},
      {"environment", table_of(Section::environment)},
      {"team", table_of(Section::team)},
      {"deployment", kinds_of(kinds.deploy, Section::deployment)},
      {"publication", kinds_of(kinds.deploy, Section::publication)},
  };
}

Json definitions_of_values() {
  const auto text = [](const char* pattern) { return Json{{"type", "string"}, {"pattern", pattern}}; };
  return {
      {"name", text("^[a-z0-9_][a-z0-9._-]{0,63}$")},
      {"duration", text("^([0-9]+[wdhms])+$")},
      {"mode", text("^[0-7]{3,5}$")},
      {"owner", text("^[^:]*(:[^:]+)?$")},
      {"path", {{"type", "string"}, {"minLength", 1}}},
      {"secret_file", {{"type", "string"}, {"minLength", 1}}},
      {"command",
       {{"anyOf",
         {{{"type", "string"}, {"minLength", 1}},
          {{"type", "array"}, {"minItems", 1}, {"items", {{"type", "string"}}}}}}}},
  };
}

}  // namespace

std::string schema(const Kinds& kinds) {
  Json root{{"$schema", "https://json-schema.org/draft/2020-12/schema"},
            {"$id", "urn:everseal:schema:config:1"},
            {"title", "Everseal's configuration"},
            {"description",
             "One TOML file: the main one, or one of conf.d. What is said across files (no name twice, references to "
             "something) is beyond this schema; `everseal config check` looks at all of it."}};
  root.update(table_of(Section::root));
  root["properties"]["config_version"] = {{"description", "version of the config's format"}, {"const", 1}};
  root["$defs"] = definitions_of_tables(kinds);
  root["$defs"].update(definitions_of_values());
  return root.dump(2) + '\n';
}

std::string schema_of(std::span<const Option> options) { return object_of({options}, {}).dump(); }
std::string schemas_of_values() { return definitions_of_values().dump(); }

}  // namespace everseal::config
