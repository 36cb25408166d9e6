// What only reads says what of the config is unusable, and what no run has read yet.
#include "cli/host.h"
#include "contains.h"

#include <algorithm>
#include <map>
#include <string>

using namespace everseal;
using test::Words;

namespace {

std::string table_of(const std::string& name, const std::string& more = {}) {
  return fmt::format("[certificate.{0}]\nissuer = \"corp\"\nidentifiers = \"{0}.example.org\"\n{1}", name, more);
}

std::map<std::string, std::string> states(const test::Host& host) {
  std::map<std::string, std::string> states;
  const nlohmann::json listed = host.json({"list"});
  for (const nlohmann::json& row : listed["certificates"]) states[row["name"]] = row["state"];
  return states;
}

}  // namespace

TEST_CASE("whatever is wrong in the config, each command that reads says so, and list --check fails") {
  struct Row {
    std::string file;
    std::string text;
    std::string why;
    std::map<std::string, std::string> states;
  };
  const test::HostWithWww host;
  const std::string right = host.fragment("www");
  const Row rows[] = {
      {"conf.d/new.toml", "[certificate.new\n", "new.toml:1", {{"www", "live"}}},
      {"conf.d/new.toml", table_of("new", "colour = 1\n"), "new.toml:4", {{"new", "misconfigured"}, {"www", "live"}}},
      {"conf.d/new.toml",
       "[issuer.other]\ntype = \"acme\"\n" + table_of("new"),
       "issuer.other",
       {{"new", "pending"}, {"www", "live"}}},
      {"conf.d/www.toml", right + "colour = 1\n", "colour", {{"www", "misconfigured"}}},
      {"conf.d/www.toml", right + "= 1\n", "www.toml", {{"www", "live"}}},
      {"everseal.toml", "[issuer\n", "everseal.toml:1", {{"www", "live"}}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.file);
    CAPTURE(row.text);
    const bool was_there = std::filesystem::exists(host.folder.file(row.file));
    const std::string before = was_there ? host.folder.read(row.file) : std::string();
    host.folder.write(row.file, row.text);
    // Before and after a run took in what can be.
    for (const bool after : {false, true}) {
      CAPTURE(after);
      for (const Words& words :
           {Words{"list"}, Words{"list", "--all"}, Words{"show", "www"}, Words{"history"}, Words{"history", "www"}}) {
        CAPTURE(base::join(words, " "));
        const bool is_about_another = words.back() == "www" && contains(row.text, "certificate.new]");
        CHECK(contains(host.run(words, 0).errors, row.why) != is_about_another);
      }
      if (!after) CHECK(states(host) == row.states);
      const base::Exit quiet = host.run({"list", "--check", "-q"}, 3);
      CHECK(contains(quiet.errors, row.why));
      CHECK(host.json({"list"})["problems"].size() == 1);
      CHECK(contains(host.json({"list"})["problems"][0].dump(), row.file));
      CHECK(host.run({"list", "--check", "--json"}, 3).errors == "");
      if (!after) host.run({"renew"}, contains(row.text, "[issuer.other]") ? 4 : 1);
    }
    if (was_there)
      host.folder.write(row.file, before);
    else
      std::filesystem::remove(host.folder.file(row.file));
    host.run({"renew"}, 0);
    if (states(host).contains("new")) host.run({"remove", "new"}, 0);
    const base::Exit sound = host.run({"list", "--check", "-q"}, 0);
    CHECK(sound.output + sound.errors == "");
    CHECK(host.json({"list"})["problems"].empty());
  }
}

TEST_CASE("a table that no run has read yet is listed, and each verb that names it says where it stands") {
  const test::HostWithWww host;
  host.folder.write("conf.d/new.toml", table_of("new", "environment = \"prod\"\n"));
  CHECK(states(host) == std::map<std::string, std::string>{{"new", "pending"}, {"www", "live"}});
  const nlohmann::json listed = host.json({"list", "--env", "prod"})["certificates"];
  REQUIRE(listed.size() == 1);
  CHECK(listed[0]["identifiers"] == nlohmann::json{"new.example.org"});
  CHECK(listed[0]["needs_attention"] == false);
  CHECK(contains(listed[0]["why"].get<std::string>(), "no run has read it yet"));
  host.run({"list", "--check", "-q"}, 0);
  for (const Words& words : {Words{"show", "new"}, Words{"history", "new"}, Words{"export", "new"}}) {
    const base::Exit exit = host.run(words, 1);
    CHECK(contains(exit.errors, "conf.d/new.toml:1, and no run has read it yet"));
    CHECK(contains(exit.errors, "`everseal renew new` does"));
  }
  CHECK(host.count_events("certificate.managed") == 1);  // nothing of that took it in
  host.run({"renew", "new"}, 0);
  CHECK(states(host)["new"] == "live");
}

TEST_CASE("whoever names a certificate whose table was never right hears why") {
  const test::HostWithWww host;
  struct Row {
    std::string text;
    std::string why;
  };
  const Row rows[] = {{table_of("new", "colour = 1\n"), "the table of new is wrong: "},
                      {table_of("new") + "=\n", "its table may stand in a file that is wrong: "}};
  for (const Row& row : rows) {
    CAPTURE(row.text);
    host.folder.write("conf.d/new.toml", row.text);
    for (const char* verb : {"show", "history", "renew", "remove", "plan", "deploy", "verify", "rollback", "revoke"}) {
      CAPTURE(verb);
      const base::Exit exit = host.run({verb, "new"}, 2);
      CHECK(contains(exit.errors, row.why));
      CHECK(contains(exit.errors, "conf.d/new.toml:4"));
    }
    CHECK(contains(host.run({"show", "nobody"}, 1).errors, "no certificate named nobody is managed"));
  }
}

TEST_CASE("a table that came back is no orphan, before a run has read it") {
  const test::HostWithWww host;
  const std::string text = host.fragment("www");
  std::filesystem::remove(host.folder.file("conf.d/www.toml"));
  host.run({"renew"}, 0);
  CHECK(states(host)["www"] == "orphaned");
  host.folder.write("conf.d/www.toml", text);
  CHECK(states(host)["www"] == "live");
  CHECK(host.json({"show", "www"})["state"] == "live");
}

TEST_CASE("each command that shows the config or what stands in it says which files are read, and which are not") {
  const test::HostWithWww host;
  const std::string read = fmt::format("{} and {}", host.folder.file("everseal.toml"), host.folder.file("conf.d"));
  CHECK(contains(host.run({"config", "check"}, 0).output, read));
  CHECK(contains(host.run({"doctor"}, 0).output, "the config is " + read));
  CHECK(contains(host.run({"-v", "list"}, 0).errors, "the config is " + read));
  CHECK(contains(host.run({"issue", "--issuer", "corp", "-d", "new.example.org", "--as", "new"}, 0).errors,
                 fmt::format("kept alive by {}/new.toml", host.folder.file("conf.d"))));
  for (const Words& words : {Words{"config", "check"}, Words{"config", "show"}, Words{"doctor"}}) {
    const nlohmann::json document = host.json(words);
    CHECK(document["main"] == host.folder.file("everseal.toml"));
    CHECK(document["conf_d"] == host.folder.file("conf.d"));
  }
  const std::vector<Words> readers{{"config", "check"}, {"config", "show"}, {"list"},  {"plan"},
                                   {"show", "www"},     {"renew"},          {"doctor"}};
  const auto said = [&](const Words& words) {
    const base::Exit exit = host.run(words, 0);
    return exit.output + exit.errors;
  };
  for (const Words& words : readers) CHECK_FALSE(contains(said(words), "is not read"));
  std::filesystem::create_directory(host.folder.file("state/conf.d"));
  host.folder.write("state/conf.d/x.toml", "");
  for (const Words& words : readers) {
    CAPTURE(base::join(words, " "));
    CHECK(contains(base::join(base::split(said(words), '\n'), " "), "state/conf.d/x.toml: is not read: the config is"));
  }
}
