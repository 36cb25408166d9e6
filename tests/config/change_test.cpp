#include "config/change.h"
#include "base/text.h"
#include "config/fragment.h"
#include "config/toml.h"
#include "fakes/temporary_directory.h"
#include "fixture.h"

#include <filesystem>
#include <fstream>

#include <doctest/doctest.h>
#include <sys/stat.h>

namespace everseal::config {
namespace {

using base::text_value;

Kinds with_corp() {
  Kinds with = kinds();
  with.known_authorities = {Name::parse("corp"), Name::parse("other")};
  return with;
}

const Name& www() {
  static const Name name = Name::parse("www");
  return name;
}

base::Value words(const std::vector<std::string>& texts) { return base::list_value(texts, {"-d"}); }

base::Table deploy(const std::string& name, base::Table options) {
  base::Table deployments;
  deployments.emplace_back(name, base::Value{std::move(options), {}});
  base::Table table;
  table.emplace_back("deploy", base::Value{std::move(deployments), {}});
  return table;
}

// conf.d/www.toml with `text`, where there is one.
class Site {
 public:
  explicit Site(const std::string& text = {}) {
    std::filesystem::create_directories(all.fragments);
    if (!text.empty()) std::ofstream(file()) << text;
  }
  std::string file() const { return all.fragments + "/www.toml"; }
  Change plan(const base::Table& options, Existing existing = Existing::changed) const {
    return plan_change(all, parse_or_throw(read(all), with_corp()), www(), options, existing, with_corp());
  }
  std::string text(const std::string& name = "www.toml") const {
    std::ifstream stream(all.fragments + "/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

 private:
  fakes::TemporaryDirectory directory_;

 public:
  const Files all = files(std::nullopt, directory_ / "state");
};

constexpr const char* kWritten = R"(# Written by Everseal. Edit it as you like.
[certificate.www]   # the shop
identifiers = [
  "a.example.org",  # main
]
issuer = "corp"  # ours
# nobody may change this
environment = 'prod'

# the web server
[certificate.www.deploy.nginx]
type = "files"
directory = "/etc/nginx/tls"  # as root
reload = ["systemctl", "reload", "nginx"]
verify = ["127.0.0.1:443"]

[challenge.web]
type = "http-01"
)";

TEST_CASE("a change sets what was named and leaves every other character as it was") {
  struct Row {
    std::string before;
    base::Table options;
    std::vector<std::pair<std::string, std::string>> replaced;  // in `before`
    std::string appended;
  };
  const std::string one_line = "[certificate.www]\r\nissuer = [\"corp\"]\r\nidentifiers = \"a.example.org\"";
  const std::string inline_table =
      "[certificate.www]\nidentifiers = ['a.example.org']\nissuer = 'corp'\n"
      "deploy.nginx = { type = 'files', directory = '/etc/tls', verify = 'none', mode = '0640' } # short\n";
  const Row rows[] = {
      {kWritten,
       {{"identifiers", words({"a.example.org", "b.example.org"})}},
       {{"[\n  \"a.example.org\",  # main\n]", "[\"a.example.org\", \"b.example.org\"]"}},
       ""},
      {kWritten,
       {{"issuer", words({"other", "corp"})}, {"environment", text_value("staging")}},
       {{"\"corp\"", "[\"other\", \"corp\"]"}, {"'prod'", "\"staging\""}},
       ""},
      {kWritten, {{"key", text_value("rsa-3072")}}, {{"'prod'\n", "'prod'\nkey = \"rsa-3072\"\n"}}, ""},
      {kWritten,
       deploy("nginx", {{"directory", text_value("/srv/tls")}, {"owner", text_value("root")}}),
       {{"\"/etc/nginx/tls\"", "\"/srv/tls\""}, {"[\"127.0.0.1:443\"]\n", "[\"127.0.0.1:443\"]\nowner = \"root\"\n"}},
       ""},
      {kWritten,
       deploy("more",
              {{"type", text_value("files")}, {"directory", text_value("/srv")}, {"verify", text_value("none")}}),
       {},
       "\n[certificate.www.deploy.more]\ntype = \"files\"\ndirectory = \"/srv\"\nverify = \"none\"\n"},
      {one_line,
       {{"identifiers", words({"\u00fc.example.org"})}, {"lifetime", text_value("24h")}},
       {{"\"a.example.org\"", "[\"\u00fc.example.org\"]\nlifetime = \"24h\"\n"}},
       ""},
      {"\xef\xbb\xbf[certificate.www]\nissuer = \"corp\" # \u00fc\nidentifiers = \"a.example.org\" # \u00fc\n",
       {{"issuer", words({"other"})}},
       {{"\"corp\"", "[\"other\"]"}},
       ""},
      {inline_table, deploy("nginx", {{"mode", text_value("0600")}}), {{"'0640'", "\"0600\""}}, ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.before);
    const Site site(row.before);
    std::string expected = row.before;
    for (const auto& [from, to] : row.replaced) expected.replace(expected.find(from), from.size(), to);
    expected += row.appended;
    const Change change = site.plan(row.options);
    CHECK(change.after == expected);
    CHECK_FALSE(change.differences.empty());
    CHECK(site.text() == row.before);

    write_change(site.all, change);
    CHECK(site.text() == expected);
    CHECK(site.text("www.toml.bak") == row.before);
    const auto read_back = parse_or_throw(read(site.all), with_corp()).certificates.at(www());
    CHECK(normal_form(read_back) == normal_form(change.certificate));
  }
}

TEST_CASE("what is said again as it stands changes nothing") {
  const Site site(kWritten);
  const base::Table same[] = {{},
                              {{"identifiers", words({"A.example.org"})}},
                              {{"issuer", text_value("corp")}},
                              deploy("nginx", {{"directory", text_value("/etc/nginx/tls")}})};
  for (const base::Table& options : same) {
    const Change change = site.plan(options);
    CHECK(change.differences.empty());
    CHECK(change.after == change.before);
    write_change(site.all, change);
  }
  CHECK(site.text() == kWritten);
  CHECK(site.text("www.toml.bak").empty());
}

TEST_CASE("the difference is said by the config's names") {
  const Site site(kWritten);
  base::Table options = deploy("nginx", {{"reload", base::list_value({"true"})}});
  options.emplace_back("identifiers", words({"b.example.org", "a.example.org"}));
  options.emplace_back("lifetime", text_value("30d"));
  CHECK(site.plan(options).differences ==
        std::vector<std::string>{"identifiers: a.example.org -> b.example.org, a.example.org", "lifetime: none -> 30d",
                                 "deploy.nginx.reload: systemctl, reload, nginx -> true"});
}

TEST_CASE("no line of the difference says the same twice") {
  struct Row {
    base::Table options;
    std::vector<std::string> lines;
  };
  const Row rows[] = {
      {deploy("more",
              {{"type", text_value("files")}, {"directory", text_value("/srv")}, {"verify", text_value("none")}}),
       {"deploy.more.type: none -> files", "deploy.more.directory: none -> /srv"}},
      {deploy("nginx", {{"verify", text_value("none")}}), {"deploy.nginx.verify: 127.0.0.1:443 -> none"}},
      {{{"team", text_value("none")}}, {"team: none -> \"none\""}},
      {deploy("nginx", {{"reload", words({"systemctl", "reload, nginx"})}}),
       {"deploy.nginx.reload: systemctl, reload, nginx -> systemctl, \"reload, nginx\""}},
  };
  for (const Row& row : rows)
    CHECK(base::join(Site(kWritten).plan(row.options).differences, "\n") == base::join(row.lines, "\n"));

  const std::string quiet = "[certificate.www]\nidentifiers = ['a.example.org']\nissuer = 'corp'\n";
  const Change gone =
      Site(quiet + "[certificate.www.deploy.d]\ntype = 'files'\ndirectory = '/d'\nverify = 'none'\n")
          .plan({{"identifiers", words({"a.example.org"})}, {"issuer", words({"corp"})}}, Existing::replaced);
  CHECK(gone.differences == std::vector<std::string>{"deploy.d.type: files -> none", "deploy.d.directory: /d -> none"});
}

TEST_CASE("a table in a form that has no place for the change stays as it is, and the error says what to do") {
  const std::string rejects[] = {
      // The new key would follow another table's.
      "[certificate]\nwww.identifiers = ['a.example.org']\nwww.issuer = 'corp'\n[certificate.db]\nidentifiers = "
      "['b.example.org']\nissuer = 'corp'\n",
      "certificate = { www = { identifiers = ['a.example.org'], issuer = 'corp' } }\n",
      "certificate.www.issuer = 'corp'\ncertificate.www.identifiers = ['a.example.org']\n",
  };
  for (const std::string& text : rejects) {
    CAPTURE(text);
    const Site site(text);
    try {
      const Change change = site.plan({{"key", text_value("rsa-2048")}});
      FAIL_CHECK(change.after);
    } catch (const base::Error& error) {
      CHECK(error.fault() == base::Fault::exists);
      CHECK(error.hint().find("key: ecdsa-p256 -> rsa-2048") != std::string::npos);
      CHECK(error.hint().find("--replace") != std::string::npos);
    }
    CHECK(site.text() == text);
  }
}

TEST_CASE("what is wrong is said of the option, and nothing is written") {
  struct Row {
    base::Table options;
    std::string message;
    std::string hint;
  };
  const Row rows[] = {
      {{{"issuer", base::list_value({"nosuch"}, {"--issuer"})}},
       "--issuer: there is no issuer or authority 'nosuch'",
       ""},
      {{{"issuer", base::list_value({"corb"}, {"--issuer"})}}, "--issuer: there is no issuer", "did you mean 'corp'?"},
      {{{"profile", text_value("srv", {"--profile"})}}, "--profile: there is no profile 'srv'", "one of:"},
      {{{"profile", text_value("sever", {"--profile"})}}, "--profile: there is no profile", "did you mean 'server'?"},
      {{{"identifiers", words({"a.example.org", "A.example.org"})}}, "-d: 'A.example.org' stands there twice", ""},
      {{{"subject", text_value("XY=1", {"--subject"})}}, "--subject: ", ""},
      {{{"lifetime", text_value("soon", {"--lifetime"})}}, "--lifetime: 'soon' is not a duration", ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.message);
    const Site site(kWritten);
    try {
      static_cast<void>(site.plan(row.options));
      FAIL_CHECK("planned");
    } catch (const base::Error& error) {
      CHECK(error.fault() == base::Fault::usage);
      CHECK_MESSAGE(error.message().starts_with(row.message), error.message());
      CHECK_MESSAGE(error.hint().find(row.hint) != std::string::npos, error.hint());
    }
    CHECK(site.text() == kWritten);
  }
}

TEST_CASE("what is wrong elsewhere does not stand in the way, and what is wrong in the file itself does") {
  const Site site(kWritten);
  std::ofstream(site.all.fragments + "/other.toml")
      << "[certificate.other]\nidentifiers = ['o.example.org']\nissuer = 'gone'\n";
  const auto plan = [](const Site& at, Existing existing) {
    return plan_change(at.all, parse_sources(read(at.all), with_corp()).config, www(),
                       {{"issuer", words({"other"})}, {"identifiers", words({"w.example.org"})}}, existing,
                       with_corp());
  };
  CHECK(plan(site, Existing::changed).after.find("[\"other\"]") != std::string::npos);

  const Site broken("[certificate.www]\nidentifiers = ['a b']\nissuer = 'corp'\n");
  try {
    CHECK(plan(broken, Existing::changed).after == "");
  } catch (const base::Error& error) {
    CHECK(error.fault() == base::Fault::config);
    CHECK(error.message().find("www.toml:2: certificate.www.identifiers") != std::string::npos);
  }
  CHECK(plan(broken, Existing::replaced).after.find("w.example.org") != std::string::npos);
}

TEST_CASE("a file that was edited keeps its mode, one that is new or replaced is written anew") {
  const Site site(kWritten);
  REQUIRE(::chmod(site.file().c_str(), 0600) == 0);
  write_change(site.all, site.plan({{"key", text_value("rsa-2048")}}));
  struct stat status {};
  REQUIRE(::stat(site.file().c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0600);

  const Site other("[certificate.www]\nidentifiers = ['a.example.org']\nissuer = 'corp' # gone\n");
  const base::Table whole{{"identifiers", words({"b.example.org"})}, {"issuer", words({"other"})}};
  write_change(other.all, other.plan(whole, Existing::replaced));
  CHECK(other.text().find("# gone") == std::string::npos);
  CHECK(other.text("www.toml.bak").find("# gone") != std::string::npos);
  CHECK(parse_or_throw(read(other.all), with_corp()).certificates.at(www()).identifiers.front().text() ==
        "b.example.org");
}

}  // namespace
}  // namespace everseal::config
