#include "base/text.h"
#include "config/fixture.h"
#include "config/tables.h"
#include "config/toml.h"

#include <fstream>
#include <iterator>
#include <set>

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace everseal::config {
namespace {

std::string sample() {
  std::ifstream file(EVERSEAL_SOURCE_DIR "/packaging/everseal.toml", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Every example brought to life: "#" goes, "# " stays.
std::string uncommented() {
  std::string out;
  for (const std::string& line : base::split(sample(), '\n')) {
    const bool example = line.size() > 1 && line[0] == '#' && (line[1] != ' ' || line.starts_with("#  {"));
    out += (example ? line.substr(1) : line) + '\n';
  }
  return out;
}

std::set<std::string> keys_of(const base::Value& value) {
  std::set<std::string> keys;
  if (const auto* const table = std::get_if<base::Table>(&value.data))
    for (const auto& [key, inner] : *table) {
      keys.insert(key);
      keys.merge(keys_of(inner));
    }
  if (const auto* const list = std::get_if<base::List>(&value.data))
    for (const base::Value& item : *list) keys.merge(keys_of(item));
  return keys;
}

TEST_CASE("the packaged sample is a config without problems, as it is and with every example in use") {
  REQUIRE(sample().size() > 1000);
  CHECK(parse_text(sample()).problems == std::vector<std::string>{});
  const Parsed all = parse_text(uncommented());
  CHECK(all.problems == std::vector<std::string>{});
  CHECK(all.config.certificates.size() == 2);
  CHECK(all.config.issuers.size() == 3);
  CHECK(all.config.challenges.size() == 12);
  CHECK(all.config.authorities.size() == 1);
  CHECK(all.config.profiles.size() == 1);
  CHECK(all.config.endpoints.size() == 2);
  CHECK(all.config.environments.size() == 1);
  CHECK(all.config.teams.size() == 1);
}

TEST_CASE("the packaged sample uses no option until it is told to") {
  const Parsed parsed = parse_text(sample());
  CHECK_FALSE(parsed.config.state.has_value());
  CHECK(parsed.config.certificates.empty());
}

TEST_CASE("the packaged sample shows every option that exists") {
  base::Problems problems;
  const auto root = read_toml({"sample", uncommented()}, problems);
  REQUIRE(root.has_value());
  const auto check_shown = [](const std::set<std::string>& shown, std::span<const base::Option> options,
                              std::string_view where) {
    for (const base::Option& option : options) {
      CAPTURE(where);
      CAPTURE(option.name);
      CHECK(shown.contains(std::string(option.name)));
      for (const base::Option& field : option.fields) {
        CAPTURE(field.name);
        CHECK(shown.contains(std::string(field.name)));
      }
    }
  };
  const auto section = [&](std::string_view key) { return keys_of(*base::find(*root, key)); };
  std::set<std::string> top;
  for (const auto& [key, value] : *root) top.insert(key);
  check_shown(top, declared(Section::root), "root");
  check_shown(section("authority"), declared(Section::authority), "authority");
  check_shown(section("profile"), declared(Section::profile), "profile");
  check_shown(section("certificate"), declared(Section::certificate), "certificate");
  check_shown(section("certificate"), declared(Section::deployment), "deployment");
  check_shown(section("endpoint"), declared(Section::endpoint), "endpoint");
  check_shown(section("environment"), declared(Section::environment), "environment");
  check_shown(section("team"), declared(Section::team), "team");
  check_shown(section("audit"), declared(Section::audit), "audit");
  for (const KindOptions& kind : kinds().issuer) check_shown(section("issuer"), kind.options, kind.name);
  check_shown(section("challenge"), declared(Section::challenge), "challenge");
  for (const KindOptions& kind : kinds().challenge) check_shown(section("challenge"), kind.options, kind.name);
  for (const KindOptions& kind : kinds().dns) check_shown(section("challenge"), kind.options, kind.name);
  for (const KindOptions& kind : kinds().deploy) check_shown(section("certificate"), kind.options, kind.name);
  for (const Subtable& subtable : subtables(Section::root)) CHECK(top.contains(std::string(subtable.key)));
}

}  // namespace
}  // namespace everseal::config
