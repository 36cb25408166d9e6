#include "config/last_good.h"

#include "config/fixture.h"

#include <algorithm>

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace everseal::config {
namespace {

const std::string kMain = "/etc/everseal/everseal.toml";
const std::string kConf = "/etc/everseal/conf.d/";

std::string table_of(std::string_view name, std::string_view issuer = "le") {
  return fmt::format("[certificate.{0}]\nidentifiers = \"{0}.example.org\"\nissuer = \"{1}\"\n", name, issuer);
}
std::string le(std::string_view more = "") {
  return fmt::format("[issuer.le]\ntype = \"acme\"\ndirectory = \"https://le.example/dir\"\n{}", more);
}

Loaded load_all(const Sources& sources, const Memory& before, Extent extent = Extent::all) {
  return load({kMain, kConf}, sources, before, kinds(), extent);
}

std::vector<std::string> names_of(const Loaded& loaded) {
  std::vector<std::string> names;
  for (const auto& [name, table_of] : loaded.certificates) names.push_back(name.text());
  return names;
}

using Names = std::vector<std::string>;

struct Fixture {
  Sources sources{{{kMain, "keep = 3\n" + le()}, {kConf + "a.toml", table_of("a")}, {kConf + "b.toml", table_of("b")}},
                  {}};
  Loaded good = load_all(sources, {});

  std::string& text(std::size_t file) { return sources.files[file].text; }
};

TEST_CASE_FIXTURE(Fixture, "what is good is remembered by its digest, settings as they were written") {
  REQUIRE(good.problems.empty());
  CHECK(names_of(good) == Names{"a", "b"});
  CHECK(good.memory.size() == 3);
  CHECK(good.memory.at(kMain).settings ==
        "keep = 3\nissuer = { le = { type = \"acme\", directory = \"https://le.example/dir\" } }\n");
  CHECK(good.memory.at(kConf + "a.toml").settings.empty());
  CHECK(good.memory.at(kConf + "a.toml").digest.size() == 64);
}

TEST_CASE_FIXTURE(Fixture, "files that are remembered as they are now are not parsed again") {
  CHECK(names_of(load_all(sources, good.memory, Extent::changed)) == Names{});
  CHECK(load_all(sources, good.memory, Extent::changed).settings.issuers.size() == 1);
  CHECK(load_all(sources, good.memory, Extent::settings).memory == good.memory);
  text(1) += "# changed\n";
  const Loaded one = load_all(sources, good.memory, Extent::changed);
  CHECK(names_of(one) == Names{"a"});
  CHECK(one.parsed == std::set<std::string>{kMain, kConf + "a.toml"});
  CHECK(one.problems.empty());
  CHECK(changed_settings(good.memory, one.memory).empty());
}

TEST_CASE_FIXTURE(Fixture, "one broken file or table stops what it defines, and nothing else") {
  const struct {
    std::string text;  // of b.toml
    Names broken, subjects;
  } rows[] = {
      {"[certificate.b\n", {}, {""}},
      {"config_version = 2\n" + table_of("b"), {}, {""}},
      {table_of("b", "nobody"), {"b"}, {"certificate/b"}},
      {table_of("b") + "colour = 1\n", {"b"}, {"certificate/b"}},
      {table_of("b") + table_of("c", "nobody"), {"c"}, {"certificate/c"}},
      {table_of("b") + "[certificate.b.deploy.x]\ntype = \"files\"\n", {"b"}, {"certificate/b", "certificate/b"}},
      {table_of("a"), {"a"}, {"certificate/a"}},  // defined twice
  };
  for (const auto& [text_of_b, broken, subjects] : rows) {
    CAPTURE(text_of_b);
    text(2) = text_of_b;
    const Loaded loaded = load_all(sources, good.memory);
    Names names;
    for (const Name& name : loaded.broken) names.push_back(name.text());
    CHECK(names == broken);
    Names told;
    for (const base::Problem& problem : loaded.problems) {
      CHECK(problem.origin.file == kConf + "b.toml");
      told.push_back(problem.subject);
    }
    CHECK(told == subjects);
    CHECK(loaded.usable);
    CHECK(loaded.memory.at(kConf + "a.toml") == good.memory.at(kConf + "a.toml"));
    CHECK(loaded.memory.at(kConf + "b.toml").digest.empty());
    for (const std::string& name : names_of(loaded)) CHECK(std::ranges::find(broken, name) == broken.end());
    if (broken != Names{"a"}) CHECK(loaded.certificates.contains(Name::parse("a")));
  }
}

TEST_CASE_FIXTURE(Fixture, "settings that were good stand in for those that are wrong now") {
  const std::string wrong[] = {
      "keep = 3\n[issuer.le]\ntype = \"acme\"\n",
      "keep = 3\n" + le("colour = 1\n"),
      "keep = 0\n" + le(),
      "keep = 3\n[issuer.le\n",
      "config_version = 2\n",
  };
  for (const std::string& main : wrong) {
    CAPTURE(main);
    text(0) = main;
    const Loaded loaded = load_all(sources, good.memory);
    CHECK(loaded.problems.size() == 1);
    CHECK(loaded.usable);
    CHECK(names_of(loaded) == Names{"a", "b"});
    CHECK(loaded.settings.keep == 3);
    REQUIRE(loaded.settings.issuers.contains(Name::parse("le")));
    CHECK(loaded.settings.issuers.at(Name::parse("le")).options.string("directory") == "https://le.example/dir");
    CHECK(loaded.settings.unusable.empty());
    CHECK(loaded.memory.at(kMain).settings == good.memory.at(kMain).settings);
    CHECK(loaded.memory.at(kMain).digest.empty());
  }
}

TEST_CASE_FIXTURE(Fixture, "wrong for a week and right again: nothing is lost") {
  const std::string right = text(0);
  text(0) = "[issuer.le\n";
  Memory memory = good.memory;
  for (int day = 0; day < 7; ++day) memory = load_all(sources, memory).memory;
  text(0) = right;
  const Loaded again = load_all(sources, memory);
  CHECK(again.problems.empty());
  CHECK(again.memory == good.memory);
}

TEST_CASE_FIXTURE(Fixture, "a table that was never good is no use, and says why") {
  text(0) = "[issuer.le]\ntype = \"acme\"\n";
  const Loaded loaded = load_all(sources, {});
  CHECK(loaded.usable);
  CHECK(loaded.settings.issuers.empty());
  CHECK(loaded.settings.unusable ==
        std::map<std::string, std::string>{
            {"issuer/le", kMain + ":1: issuer.le.directory: is missing (URL of the CA's directory)"}});
  CHECK(names_of(loaded) == Names{"a", "b"});
}

TEST_CASE_FIXTURE(Fixture, "of an authority that was never good what is right of it is there, and the rest is told") {
  const std::string publish =
      "[authority.corp.publish.web]\ntype = \"files\"\ndirectory = \"/srv/crl\"\n"
      "contents = [\"crl\"]\n";
  const struct {
    std::string table;
    std::optional<base::Seconds> crl_lifetime;
    std::vector<std::string> publish;
  } rows[] = {
      {"crl_lifetime = 5\npassphrase_file = \"/run/corp\"\n" + publish, std::nullopt, {"web"}},
      {"crl_lifetime = \"3d\"\npassphrase_file = \"/run/corp\"\ncolour = 1\n" + publish,
       base::Seconds(3 * 86400),
       {"web"}},
      {"crl_lifetime = \"3d\"\npassphrase_file = \"/run/corp\"\n" + publish +
           "[authority.corp.publish.ftp]\ntype = \"ftp\"\n",
       base::Seconds(3 * 86400),
       {"web"}},
      {"crl_lifetime = \"3d\"\npassphrase_file = \"/run/corp\"\npublish = 5\n", base::Seconds(3 * 86400), {}},
      {"crl_url = \"ldap://x\"\npassphrase_file = \"/run/corp\"\n" + publish, std::nullopt, {"web"}},
  };
  for (const auto& [table, crl_lifetime, targets] : rows) {
    CAPTURE(table);
    text(0) = le() + "[authority.corp]\n" + table;
    for (const Loaded& loaded : {load_all(sources, {}), load_all(sources, good.memory)}) {
      CHECK(loaded.problems.size() == 1);
      CHECK(loaded.settings.unusable.contains("authority/corp"));
      REQUIRE(loaded.settings.authorities.contains(Name::parse("corp")));
      const Authority& corp = loaded.settings.authorities.at(Name::parse("corp"));
      CHECK(corp.crl_lifetime == crl_lifetime);
      CHECK(corp.passphrase_file == "/run/corp");
      std::vector<std::string> names;
      for (const Deployment& target : corp.publish) names.push_back(target.name.text());
      CHECK(names == targets);
      CHECK(loaded.memory.at(kMain).settings.find("corp") == std::string::npos);
    }
  }
}

TEST_CASE_FIXTURE(Fixture, "what is no table where one is expected loses nothing that was good") {
  text(0) += "[authority.corp]\ncrl_lifetime = \"3d\"\n";
  text(1) += "[authority.lab]\ncrl_lifetime = \"2d\"\n";
  good = load_all(sources, {});
  REQUIRE(good.problems.empty());
  const std::string main = "keep = 3\n" + le();
  const struct {
    std::string main;
    std::string subject;
  } rows[] = {
      {"authority = 5\n" + main, ""},
      {"issuer = 5\n[authority.corp]\ncrl_lifetime = \"3d\"\n", ""},
      {main + "[authority]\ncorp = 5\n", "authority/corp"},
      {"authority.corp = 5\n" + main, "authority/corp"},
  };
  for (const auto& [written, subject] : rows) {
    CAPTURE(written);
    text(0) = written;
    const Loaded loaded = load_all(sources, good.memory);
    REQUIRE(loaded.problems.size() == 1);
    CHECK(loaded.problems.front().subject == subject);
    CHECK(loaded.settings.issuers.size() == 1);
    REQUIRE(loaded.settings.authorities.contains(Name::parse("corp")));
    CHECK(loaded.settings.authorities.at(Name::parse("corp")).crl_lifetime == base::Seconds(3 * 86400));
    CHECK(loaded.settings.unusable.empty());
    CHECK(names_of(loaded) == Names{"a", "b"});
  }
  text(0) = main + "[authority.corp]\ncrl_lifetime = \"3d\"\n";
  for (const std::string text_of_b : {"certificate = 5\n", "[certificate]\nb = 5\n"}) {
    CAPTURE(text_of_b);
    text(2) = text_of_b;
    const Loaded loaded = load_all(sources, good.memory);
    CHECK(loaded.problems.size() == 1);
    CHECK((loaded.broken.contains(Name::parse("b")) || !loaded.parsed.contains(kConf + "b.toml")));
  }
}

TEST_CASE_FIXTURE(Fixture, "a table whose name is none is told, and stops nothing") {
  for (const char* section : {"authority", "issuer", "profile", "certificate"}) {
    CAPTURE(section);
    text(0) = "keep = 3\n" + le() + fmt::format("[{}.\"Not A Name\"]\nlongest = 5\n", section);
    const Loaded loaded = load_all(sources, good.memory);
    CHECK_FALSE(loaded.problems.empty());
    CHECK(loaded.settings.issuers.size() == 1);
    CHECK(names_of(loaded) == Names{"a", "b"});
  }
}

TEST_CASE_FIXTURE(Fixture, "a main file that was never read leaves nothing to go on with") {
  text(0) = "[issuer.le\n";
  CHECK_FALSE(load_all(sources, {}).usable);
  sources.files.erase(sources.files.begin());
  sources.unread.emplace(kMain, base::Problem{{kMain, 0}, {}, "does not belong to root", {}});
  CHECK_FALSE(load_all(sources, {}).usable);
  const Loaded remembered = load_all(sources, good.memory);
  CHECK(remembered.usable);
  CHECK(remembered.settings.issuers.size() == 1);
  CHECK(remembered.memory.at(kMain).settings == good.memory.at(kMain).settings);
}

TEST_CASE_FIXTURE(Fixture, "a directory that cannot be read keeps what is remembered of its files") {
  text(2) += le("").replace(8, 2, "l2");  // [issuer.l2]
  good = load_all(sources, {});
  REQUIRE(good.problems.empty());
  sources.files.resize(1);
  sources.unread.emplace(kConf, base::Problem{{kConf, 0}, {}, "permission denied", {}});
  const Loaded loaded = load_all(sources, good.memory);
  CHECK(loaded.problems.size() == 1);
  CHECK(loaded.settings.issuers.size() == 2);
  CHECK(loaded.memory.contains(kConf + "a.toml"));
  CHECK(loaded.memory.at(kConf + "b.toml").settings == good.memory.at(kConf + "b.toml").settings);
}

TEST_CASE_FIXTURE(Fixture, "what a file that cannot be read may define is complained of by nobody") {
  text(0) = "[issuer.other\n";
  text(1) = table_of("a", "other");
  CHECK(load_all(sources, good.memory).problems.size() == 1);
}

TEST_CASE_FIXTURE(Fixture, "a reference to nothing is found beside a file that does not parse") {
  text(1) = table_of("a", "nosuch");
  for (const char* broken : {"[certificate.b\n", "config_version = 2\n"}) {
    CAPTURE(broken);
    text(2) = broken;
    const Loaded loaded = load_all(sources, good.memory);
    REQUIRE(loaded.problems.size() == 2);
    CHECK(loaded.problems.front().subject == "certificate/a");
    CHECK(loaded.broken.contains(Name::parse("a")));
  }
  // Escapes can spell any name.
  text(2) = "[issuer.\"no\\u0073uch\"\n";
  CHECK(load_all(sources, good.memory).problems.size() == 1);
}

TEST_CASE_FIXTURE(Fixture, "a file that is gone is forgotten") {
  sources.files.pop_back();
  CHECK_FALSE(load_all(sources, good.memory).memory.contains(kConf + "b.toml"));
}

TEST_CASE_FIXTURE(Fixture, "which settings changed is known by table and key") {
  const struct {
    std::string main;
    std::set<std::string> changed;
  } rows[] = {
      {"keep = 3\n" + le() + "# a comment\n", {}},
      {"keep = 4\n" + le(), {"keep"}},
      {le(), {"keep"}},
      {"keep = 3\n" + le("http_port = 81\n"), {"issuer/le"}},
      {"keep = 3\n" + le() + "[authority.corp]\n", {"authority/corp"}},
      {"keep = 3\n", {"issuer/le"}},
  };
  for (const auto& [main, changed] : rows) {
    CAPTURE(main);
    text(0) = main;
    CHECK(changed_settings(good.memory, load_all(sources, good.memory).memory) == changed);
  }
}

}  // namespace
}  // namespace everseal::config
