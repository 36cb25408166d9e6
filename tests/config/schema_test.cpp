#include "config/schema.h"

#include "config/fixture.h"

#include <fstream>
#include <iterator>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

namespace everseal::config {
namespace {

using nlohmann::json;

std::string committed() {
  std::ifstream file(EVERSEAL_SOURCE_DIR "/schema/config.schema.json", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST_CASE("the schema in the tree is the one that the tables and kinds make") {
  const bool same = schema(kinds()) == committed();
  CHECK_MESSAGE(same, "everseal config schema > schema/config.schema.json");
}

TEST_CASE("every reference in the schema leads somewhere") {
  const json root = json::parse(schema(kinds()));
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

TEST_CASE("the schema has a branch for each kind, and for each provider of a challenge") {
  const Kinds known = kinds();
  const json definitions = json::parse(schema(known)).at("$defs");
  std::size_t challenges = 0;
  for (const KindOptions& kind : known.challenge) challenges += kind.takes_provider ? known.dns.size() : 1;
  CHECK(definitions.at("issuer").at("oneOf").size() == known.issuer.size());
  CHECK(definitions.at("challenge").at("oneOf").size() == challenges);
  CHECK(definitions.at("deployment").at("oneOf").size() == known.deploy.size());
  CHECK(definitions.at("publication").at("oneOf").size() == known.deploy.size());
  const json& files = definitions.at("deployment").at("oneOf").at(1);
  CHECK(files.at("properties").at("type").at("const") == "files");
  CHECK(files.at("required") == json({"type", "directory", "verify"}));
  CHECK(files.at("properties").at("verify").at("anyOf").at(0).at("const") == "none");
  CHECK_FALSE(definitions.at("publication").at("oneOf").at(1).at("properties").contains("verify"));
}

}  // namespace
}  // namespace everseal::config
