// Tables of what was found: new ones, changed ones, gone ones, and what somebody changed.
#include "config/found_file.h"

#include "base/error.h"
#include "config/fixture.h"
#include "error_of.h"
#include "fakes/temporary_directory.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/stat.h>

namespace everseal::config {
namespace {

namespace fs = std::filesystem;
using Texts = std::vector<std::string>;

FoundTable endpoint(const std::string& name, const Texts& targets, const std::string& sni = {}) {
  FoundTable table;
  table.key = "endpoint " + name;
  table.family = "endpoint";
  table.proposed = name;
  table.options = {{"targets", base::list_value(targets)}};
  if (!sni.empty()) table.options.emplace_back("sni", base::text_value(sni));
  table.comment = "nginx, /etc/nginx/nginx.conf";
  return table;
}

FoundTable proposal(const std::string& name) {
  FoundTable table;
  table.key = "certificate /etc/ssl/" + name;
  table.family = "certificate";
  table.proposed = name;
  table.options = {{"identifiers", base::list_value({name})}, {"issuer", base::text_value("ISSUER")}};
  table.comment = "/etc/ssl/" + name;
  table.stands = FoundTable::Stands::proposed;
  return table;
}

std::string word(FoundChange::Kind kind) {
  switch (kind) {
    case FoundChange::Kind::appeared:
      return "new";
    case FoundChange::Kind::changed:
      return "changed";
    case FoundChange::Kind::gone:
      return "gone";
    case FoundChange::Kind::kept:
      break;
  }
  return "kept";
}

struct Conf {
  fakes::TemporaryDirectory directory;
  Files files{directory / "everseal.toml", directory / "conf.d"};

  Conf() {
    write("everseal.toml", "config_version = 1\n");
    fs::create_directory(files.fragments);
  }
  void write(const std::string& name, const std::string& text) const { std::ofstream(directory / name) << text; }
  std::string text() const {
    std::ifstream stream(files.fragments + "/found@nginx.toml");
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  // "new endpoint.a", in the order of the file.
  Texts save(const std::vector<FoundTable>& tables) const {
    const FoundPlan plan = plan_found(files, "nginx", tables, kinds());
    write_found(files, plan);
    CHECK(text() == plan.after);
    Texts texts;
    for (const FoundChange& change : plan.changes) texts.push_back(word(change.kind) + " " + change.table);
    return texts;
  }
  Config parsed() const {
    const Parsed all = parse_sources(read(files));
    CHECK(all.problems == Texts{});
    return all.config;
  }
};

}  // namespace

TEST_CASE("what was found is written once, and again only where it is other than it was") {
  const Conf conf;
  const auto a = endpoint("a.example.org", {"127.0.0.1:443"}, "a.example.org");
  const auto b = endpoint("b", {"127.0.0.1:8443"});
  CHECK(conf.save({}).empty());
  CHECK_FALSE(fs::exists(conf.files.fragments + "/found@nginx.toml"));
  CHECK(conf.save({a, b, proposal("c.example.org")}) ==
        Texts{"new endpoint.\"a.example.org\"", "new endpoint.b", "new certificate.\"c.example.org\""});
  const Config config = conf.parsed();
  REQUIRE(config.endpoints.size() == 2);
  CHECK(config.endpoints.at(Name::parse("a.example.org")).sni == "a.example.org");
  CHECK(config.certificates.empty());  // proposed, behind '#'
  CHECK(conf.text().find("\n#[certificate.\"c.example.org\"]\n#identifiers = ") != std::string::npos);

  const std::string before = conf.text();
  CHECK(conf.save({b, a, proposal("c.example.org")}).empty());
  CHECK(conf.text() == before);

  const auto moved = endpoint("a.example.org", {"127.0.0.1:443", "[::1]:443"}, "a.example.org");
  CHECK(conf.save({moved, proposal("c.example.org")}) ==
        Texts{"changed endpoint.\"a.example.org\"", "gone endpoint.b"});
  CHECK(conf.parsed().endpoints.at(Name::parse("a.example.org")).targets.size() == 2);
  CHECK(conf.parsed().endpoints.size() == 1);
}

TEST_CASE("what nobody looked for is not gone") {
  const Conf conf;
  conf.save({endpoint("a", {"127.0.0.1:443"}), endpoint("b", {"127.0.0.1:8443"})});
  const auto only_b = [](const std::string& key) { return key == "endpoint b"; };
  const FoundPlan plan = plan_found(conf.files, "nginx", {}, kinds(), only_b);
  REQUIRE(plan.changes.size() == 1);
  CHECK(plan.changes[0].table == "endpoint.b");
  CHECK(plan.after.find("[endpoint.a]") != std::string::npos);
  CHECK(plan.after.find("[endpoint.b]") == std::string::npos);
}

TEST_CASE("what somebody wrote into the file stays, whatever is found") {
  const Conf conf;
  const auto a = endpoint("a", {"127.0.0.1:443"});
  const auto b = endpoint("b", {"127.0.0.1:8443"});
  conf.save({a, b});
  std::string text = conf.text();
  const std::string own = "team = \"web\"";
  text.insert(text.find("targets = [\"127.0.0.1:443\"]"), own + "\n");
  conf.write("everseal.toml", "config_version = 1\n[team.web]\nnames = \"*.example.org\"\n");
  conf.write("conf.d/found@nginx.toml", text + "# a remark at the end\n");
  // Both blocks are somebody's now: one by its option, the other by the remark below it.
  CHECK(conf.save({endpoint("a", {"127.0.0.1:444"})}) == Texts{"kept endpoint.a", "kept endpoint.b"});
  CHECK(conf.text() == text + "# a remark at the end\n");
  CHECK(conf.save({endpoint("c", {"127.0.0.1:9443"})}) ==
        Texts{"kept endpoint.a", "kept endpoint.b", "new endpoint.c"});
  CHECK(conf.text().starts_with(text + "# a remark at the end\n"));
  CHECK(conf.parsed().endpoints.at(Name::parse("a")).team == "web");
}

TEST_CASE("a proposal that somebody put in force is his, and is not proposed again") {
  const Conf conf;
  conf.write("everseal.toml",
             "config_version = 1\n[authority.corp]\n[issuer.ca]\ntype = \"authority\"\nauthority = \"corp\"\n");
  conf.save({proposal("c.example.org")});
  std::string text = conf.text();
  for (const std::string_view line : {"[certificate", "identifiers", "issuer"})
    text.erase(text.find("#" + std::string(line)), 1);
  text.replace(text.find("ISSUER"), 6, "ca");
  conf.write("conf.d/found@nginx.toml", text);
  CHECK(conf.parsed().certificates.size() == 1);
  CHECK(conf.save({proposal("c.example.org")}) == Texts{"kept certificate.\"c.example.org\""});
  CHECK(conf.text() == text);
}

TEST_CASE("a name that the config uses is not used again, and one that was given stays") {
  const Conf conf;
  conf.write("conf.d/own.toml", "[endpoint.a]\ntargets = [\"a.example.org:443\"]\n");
  const auto a = endpoint("a", {"127.0.0.1:443"});
  CHECK(conf.save({a}) == Texts{"new endpoint.a-nginx"});
  auto twin = endpoint("a", {"127.0.0.1:8443"});
  twin.key = "endpoint another";
  CHECK(conf.save({a, twin}) == Texts{"new endpoint.a-nginx-2"});
  fs::remove(conf.directory / "conf.d/own.toml");
  CHECK(conf.save({a, twin}).empty());
  CHECK(conf.parsed().endpoints.size() == 2);
  auto odd = endpoint("*.Ex ample/..", {"127.0.0.1:1"});
  odd.comment = "a\nb [x]";
  CHECK(conf.save({a, twin, odd}).size() == 1);
  CHECK(conf.parsed().endpoints.size() == 3);
}

TEST_CASE("nothing is written that would make the config wrong, or where nobody may write") {
  const Conf conf;
  auto wrong = endpoint("a", {"127.0.0.1:443"});
  wrong.options.emplace_back("environment", base::text_value("prod"));
  conf.write("everseal.toml", "config_version = 1\n[environment.staging]\n");
  const auto error = error_of([&] { conf.save({wrong}); });
  CHECK(error.fault() == base::Fault::config);
  CHECK_MESSAGE(error.message().find("prod") != std::string::npos, error.message());
  CHECK_FALSE(fs::exists(conf.files.fragments + "/found@nginx.toml"));
  // What stood there is kept beside it.
  conf.save({endpoint("a", {"127.0.0.1:443"})});
  const std::string before = conf.text();
  conf.save({endpoint("a", {"127.0.0.1:444"})});
  std::ifstream kept(conf.files.fragments + "/found@nginx.toml.bak");
  CHECK(std::string(std::istreambuf_iterator<char>(kept), {}) == before);
}

}  // namespace everseal::config
