// What the config names for the audit and is wrong is told before anything is looked at.
#include "scan/standards.h"

#include "error_of.h"
#include "fakes/temporary_directory.h"

#include <fstream>
#include <optional>
#include <string>

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace everseal::scan {
namespace {

struct Files {
  fakes::TemporaryDirectory directory;

  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(directory / name, std::ios::binary) << text;
    return directory / name;
  }
};

std::vector<std::string> texts_of(const base::Problems& problems) {
  std::vector<std::string> texts;
  for (const base::Problem& problem : problems) texts.push_back(to_string(problem));
  return texts;
}

}  // namespace

TEST_CASE("policies, trust stores and targets that are wrong are told all at once, with file and line") {
  const Files files;
  config::Settings settings;
  CHECK(audit_problems(settings).empty());

  settings.audit.origin = {"/etc/everseal/everseal.toml", 3};
  settings.audit.policy = files.write(
      "policy.json",
      "{\"everseal_policy\": 1, \"name\": \"ours\", \"version\": \"1\", \"summary\": \"x\", \"limits\": [\n"
      "{\"limit\": \"cipher\", \"level\": \"must\", \"programme\": \"x\", \"source\": \"x\", \"date\": \"2026-01\",\n"
      " \"rejct\": [\"RC4\"]}]}\n");
  settings.audit.trust = {"system", files.write("empty.pem", "nothing\n")};
  settings.audit.further_trust = {"/nonexistent/java.pem"};
  config::Environment& prod = settings.environments[base::Name::parse("prod")];
  prod.origin = {"/etc/everseal/conf.d/prod.toml", 7};
  prod.policy = "modren";
  prod.trust = {files.write("cut.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n")};
  prod.warning_left = config::parse_life_left("7d");
  prod.critical_left = config::parse_life_left("30d");
  config::Endpoint& shop = settings.endpoints[base::Name::parse("shop")];
  shop.name = base::Name::parse("shop");
  shop.origin = {"/etc/everseal/everseal.toml", 9};
  shop.targets_file = files.write("targets.txt", "ok.example.org\nx:0\n");

  const std::vector<std::string> texts = texts_of(audit_problems(settings));
  const std::string expected[][2] = {
      {"/etc/everseal/everseal.toml:3: audit.policy: ", "policy.json:3:"},
      {"/etc/everseal/everseal.toml:3: audit.trust: ", "empty.pem: no certificate found"},
      {"/etc/everseal/everseal.toml:3: audit.further_trust: ", "/nonexistent/java.pem"},
      {"/etc/everseal/conf.d/prod.toml:7: environment.prod.policy: ", "there is no policy \"modren\""},
      {"/etc/everseal/conf.d/prod.toml:7: environment.prod.trust: ", "cut.pem: PEM line 1"},
      {"/etc/everseal/conf.d/prod.toml:7: environment.prod: ", "the warning (30d"},
      {"/etc/everseal/everseal.toml:9: ", "targets.txt:2:"},
  };
  REQUIRE(texts.size() == std::size(expected));
  for (std::size_t i = 0; i < texts.size(); ++i) {
    CAPTURE(texts[i]);
    CHECK(texts[i].starts_with(expected[i][0]));
    if (i != 5) CHECK(texts[i].find(expected[i][1]) != std::string::npos);
  }
}

TEST_CASE("a warning that never comes before the critical makes its environment unusable") {
  struct Row {
    const char *warning, *critical;
    bool is_right;
  };
  const Row rows[] = {
      {"", "", true},        {"1/4", "1/8", true}, {"1/8", "1/4", false}, {"1/4", "1/4", false},
      {"2/8", "1/4", false}, {"30d", "7d", true},  {"7d", "30d", false},  {"7d", "7d", false},
      {"8d", "7d", true},    {"1/3", "7d", true},  {"1/4", "29d", true},  {"1/4", "30d", false},
      {"", "30d", false},    {"", "29d", true},    {"3d", "", true},      {"1/1000", "7d", false},
      {"60d", "1/2", true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.warning);
    CAPTURE(row.critical);
    config::Settings settings;
    config::Environment& prod = settings.environments[base::Name::parse("prod")];
    prod.warning_left = config::parse_life_left(row.warning);
    prod.critical_left = config::parse_life_left(row.critical);
    CHECK(audit_problems(settings).empty() == row.is_right);
    Standards standards(settings, {}, {}, base::Time(base::Seconds(1'800'000'000)));
    CHECK(standards.unusable().empty() == row.is_right);
    const Override override{.policy = {}, .warning = prod.warning_left, .critical = prod.critical_left};
    const auto make = [&] { Standards({}, override, {}, base::Time(base::Seconds(1'800'000'000))); };
    if (row.is_right)
      make();
    else
      CHECK(error_of(make).message().find("never comes before the critical") != std::string::npos);
  }
}

}  // namespace everseal::scan
