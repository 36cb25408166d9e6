#include "config/fixture.h"
#include "config/tables.h"

#include <fstream>
#include <set>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

namespace everseal::config {
namespace {

using nlohmann::json;
using Keys = std::set<std::string>;

json schema() {
  std::ifstream file(EVERSEAL_SOURCE_DIR "/schema/config.schema.json", std::ios::binary);
  return json::parse(file);
}

Keys keys_of(const json& table) {
  Keys keys;
  for (const auto& [key, value] : table.at("properties").items()) keys.insert(key);
  return keys;
}

Keys declared_keys(Section section, std::span<const base::Option> more = {}) {
  Keys keys;
  for (const base::Option& option : declared(section)) keys.emplace(option.name);
  for (const base::Option& option : more) keys.emplace(option.name);
  for (const std::string_view key : subtables(section)) keys.emplace(key);
  return keys;
}

// What the schema says of one option agrees with its declaration, as far as both speak of it.
void check_option(const json& property, const base::Option& option) {
  CAPTURE(option.name);
  if (property.contains("default")) {
    const json& value = property.at("default");
    CHECK((value.is_string() ? value.get<std::string>() : value.dump()) == option.fallback);
  } else {
    CHECK(option.fallback.empty());
  }
  if (option.choices.empty() || !property.contains("enum")) return;
  Keys written, known;
  for (const json& value : property.at("enum")) written.insert(value.get<std::string>());
  for (const std::string_view choice : option.choices) known.emplace(choice);
  CHECK(written == known);
}

void check_options(const json& table, std::span<const base::Option> options) {
  Keys required;
  if (table.contains("required"))
    for (const json& key : table.at("required")) required.insert(key.get<std::string>());
  for (const base::Option& option : options) {
    if (option.name == "type") continue;
    check_option(table.at("properties").at(option.name), option);
    if (option.required) CHECK(required.contains(std::string(option.name)));
  }
}

void check_kinds(const json& definition, Section section, std::span<const KindOptions> kinds) {
  const json& all = definition.at("oneOf");
  CHECK(all.size() == kinds.size());
  for (const KindOptions& kind : kinds) {
    CAPTURE(kind.name);
    const auto found = std::find_if(all.begin(), all.end(), [&](const json& one) {
      return one.at("properties").at("type").at("const") == kind.name;
    });
    REQUIRE(found != all.end());
    CHECK(keys_of(*found) == declared_keys(section, kind.options));
    check_options(*found, declared(section));
    check_options(*found, kind.options);
  }
}

// Those without a provider by their type; with one by the provider, whose options stand beside those of the type.
void check_challenges(const json& definition, const Kinds& known) {
  const auto find = [&](const char* key, std::string_view name) -> const json& {
    for (const json& one : definition.at("oneOf")) {
      const json& properties = one.at("properties");
      if (properties.contains(key) && properties.at(key).contains("const") && properties.at(key).at("const") == name) return one;
    }
    FAIL("the schema lacks " << name);
    return definition;
  };
  std::size_t count = known.dns.size();
  for (const KindOptions& kind : known.challenge) {
    CAPTURE(kind.name);
    if (!kind.takes_provider) {
      ++count;
      const json& one = find("type", kind.name);
      Keys keys = declared_keys(Section::challenge, kind.options);
      keys.erase("provider");
      CHECK(keys_of(one) == keys);
      check_options(one, kind.options);
      continue;
    }
    for (const KindOptions& provider : known.dns) {
      CAPTURE(provider.name);
      const json& one = find("provider", provider.name);
      Keys keys = declared_keys(Section::challenge, kind.options);
      for (const base::Option& option : provider.options) keys.emplace(option.name);
      CHECK(keys_of(one) == keys);
      check_options(one, kind.options);
      check_options(one, provider.options);
    }
  }
  CHECK(definition.at("oneOf").size() == count);
}

TEST_CASE("the schema says what the parser knows") {
  const json root = schema();
  const json& definitions = root.at("$defs");
  const struct {
    const json& table;
    Section section;
  } tables[] = {
      {root, Section::root},
      {definitions.at("authority"), Section::authority},
      {definitions.at("profile"), Section::profile},
      {definitions.at("certificate"), Section::certificate},
  };
  for (const auto& [table, section] : tables) {
    CHECK(keys_of(table) == declared_keys(section));
    CHECK(table.at("additionalProperties") == false);
    check_options(table, declared(section));
  }
  const Kinds known = kinds();
  check_kinds(definitions.at("issuer"), Section::issuer, known.issuer);
  check_challenges(definitions.at("challenge"), known);
  check_kinds(definitions.at("deployment"), Section::deployment, known.deploy);
  check_kinds(definitions.at("publication"), Section::publication, known.deploy);
  check_options(definitions.at("listener"), verify_fields());
}

TEST_CASE("every reference in the schema leads somewhere") {
  const json root = schema();
  std::size_t count = 0;
  const json flat = root.flatten();
  for (const auto& [path, value] : flat.items()) {
    if (!path.ends_with("/$ref")) continue;
    ++count;
    const std::string target = value.get<std::string>();
    CAPTURE(target);
    REQUIRE(target.starts_with("#/"));
    CHECK(root.contains(json::json_pointer(target.substr(1))));
  }
  CHECK(count > 20);
}

}  // namespace
}  // namespace everseal::config
