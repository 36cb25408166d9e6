#include "base/encoding.h"
#include "base/error.h"
#include "config/fixture.h"
#include "config/fragment.h"

#include <algorithm>
#include <random>

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace everseal::config {
namespace {

Certificate certificate_of(const std::string& text) {
  const Parsed parsed = parse_text("[authority.corp]\n" + text);
  REQUIRE(parsed.problems == std::vector<std::string>{});
  REQUIRE(parsed.config.certificates.size() == 1);
  return parsed.config.certificates.begin()->second;
}

std::vector<std::string> texts_of(const base::Options& options) {
  std::vector<std::string> texts;
  for (const auto& [name, value] : options.entries()) {
    texts.push_back(fmt::format("{} {}", name, value->text));
    for (const base::Options& item : value->items) {
      texts.push_back("item");
      std::ranges::move(texts_of(item), std::back_inserter(texts));
    }
  }
  return texts;
}

const std::string kPlain =
    "[certificate.www]\nidentifiers = [\"www.example.org\", \"b.example.org\", \"c.example.org\"]\nissuer = "
    "[\"corp\"]\n";
const std::string kDeployed =
    kPlain + "[certificate.www.deploy.nginx]\ntype = \"files\"\ndirectory = \"/etc/everseal/tls\"\n";

TEST_CASE("the normal form is JSON with sorted keys and absolute paths") {
  CHECK(
      normal_form(
          certificate_of(kDeployed + "contents = [\"fullchain\"]\nmode = \"640\"\nverify = [\"127.0.0.1:443\"]")) ==
      R"({"deploy":{"nginx":{"contents":[{"content":"fullchain"}],"directory":"/etc/everseal/tls","mode":"0640","type":"files",)"
      R"("verify":[{"connect":"127.0.0.1:443"}]}},"identifiers":["www.example.org","b.example.org","c.example.org"],)"
      R"("issuer":["corp"],"key":"ecdsa-p256","name":"www"})");
}

TEST_CASE("equal meaning has an equal normal form") {
  const std::pair<std::string, std::string> equal[] = {
      {kPlain, kPlain + "# a comment\nkey = \"ecdsa-p256\""},
      {kPlain + "lifetime = \"24h\"", kPlain + "lifetime = \"1d\""},
      {kPlain + "subject = \"O=Acme,CN=x\"", kPlain + "subject = \"O=Acme, CN=x\""},
      {kPlain,
       "[certificate.www]\nissuer = [\"corp\"]\nidentifiers = [\"WWW.example.org\", \"b.example.org.\", "
       "\"c.example.org\"]"},
      {kDeployed + "verify = \"none\"",
       kPlain + "deploy = { nginx = { verify = \"none\", directory = \"tls\", type = \"files\" } }"},
      {kDeployed + "verify = \"none\"",
       kDeployed + "verify = \"none\"\nverify_timeout = \"30s\"\ntimeout = \"1m\"\np12_form = \"modern\""},
      {kDeployed + "verify = [\"localhost:443\"]",
       kDeployed + "verify = [{ addresses = \"one\", connect = \"localhost:443\" }]"},
      {kDeployed + "verify = \"none\"\nmode = \"0640\"", kDeployed + "verify = \"none\"\nmode = \"640\""},
      {kDeployed + "verify = \"none\"\ncontents = [\"cert\"]",
       kDeployed + "verify = \"none\"\ncontents = [{ content = \"cert\" }]"},
  };
  for (const auto& [left, right] : equal) {
    CAPTURE(right);
    CHECK(normal_form(certificate_of(left)) == normal_form(certificate_of(right)));
  }
}

TEST_CASE("another meaning has another normal form") {
  const std::string all[] = {
      kPlain,
      kPlain + "key = \"ed25519\"",
      kPlain + "profile = \"server\"",
      kPlain + "environment = \"prod\"",
      kPlain + "lifetime = \"24h\"",
      kPlain + "subject = \"CN=www.example.org\"",
      kDeployed + "verify = \"none\"",
      kDeployed + "verify = [\"localhost:443\"]",
      kDeployed + "verify = [{ connect = \"localhost:443\", addresses = \"all\" }]",
      kDeployed + "verify = [{ connect = \"localhost:443\", sni = \"b.example.org\" }]",
      kDeployed + "verify = [{ connect = \"localhost:443\", starttls = \"smtp\" }]",
      kDeployed + "verify = \"none\"\nverify_timeout = \"31s\"",
      kDeployed + "verify = \"none\"\nreload = [\"true\", \"a b\"]",
      kDeployed + "verify = \"none\"\nreload = [\"true\", \"a\", \"b\"]",
      kDeployed + "verify = \"none\"\nmode = \"0640\"",
  };
  for (std::size_t i = 0; i < std::size(all); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      CAPTURE(all[i]);
      CAPTURE(all[j]);
      CHECK(normal_form(certificate_of(all[i])) != normal_form(certificate_of(all[j])));
    }
}

TEST_CASE("the issuance hash follows what a new certificate is needed for, and nothing else") {
  const std::string before = issuance_hash(certificate_of(kPlain));
  CHECK(before.size() == 64);
  const std::string same[] = {
      "[authority.b]\n[certificate.www]\nidentifiers = [\"www.example.org\", \"c.example.org\", "
      "\"b.example.org\"]\nissuer = [\"b\"]",
      kPlain + "environment = \"prod\"",
      kDeployed + "verify = \"none\"",
  };
  for (const std::string& text : same) {
    CAPTURE(text);
    CHECK(issuance_hash(certificate_of(text)) == before);
  }
  const std::string other[] = {
      "[certificate.www]\nidentifiers = [\"b.example.org\", \"www.example.org\", \"c.example.org\"]\nissuer = "
      "[\"corp\"]",
      "[certificate.www]\nidentifiers = [\"www.example.org\", \"b.example.org\"]\nissuer = [\"corp\"]",
      kPlain + "key = \"ed25519\"",
      kPlain + "profile = \"server\"",
      kPlain + "subject = \"CN=www.example.org\"",
      kPlain + "lifetime = \"24h\"",
  };
  for (const std::string& text : other) {
    CAPTURE(text);
    CHECK(issuance_hash(certificate_of(text)) != before);
  }
}

TEST_CASE("the deployment hash follows what a new switch is needed for, and nothing else") {
  const auto hash = [](const std::string& more) {
    return deployment_hash(certificate_of(kDeployed + more).deployments.front());
  };
  const std::string before = hash("verify = \"none\"");
  CHECK(hash("verify = [\"localhost:443\"]\nverify_timeout = \"9s\"") == before);
  CHECK(hash("verify = \"none\"\ntimeout = \"60s\"") == before);
  CHECK(hash("verify = \"none\"\nmode = \"0600\"") != before);
  CHECK(hash("verify = \"none\"\nreload = [\"true\"]") != before);
}

TEST_CASE("a normal form that is not ours is refused") {
  const std::string rejects[] = {
      "",
      "[]",
      "{",
      "{}",
      R"({"name":3})",
      R"({"name":"x"})",
      R"({"name":"../x","identifiers":["a"],"issuer":["corp"]})",
      R"({"name":"x","identifiers":["a"],"issuer":["corp"],"lifetime":1.5})",
      R"({"name":"x","identifiers":["a"],"issuer":["corp"],"unknown":true})",
      R"({"name":"x","identifiers":["a"],"issuer":["corp"],"deploy":{"y":{"type":"vanished","verify":"none"}}})",
      R"({"name":"x","identifiers":)" + std::string(100'000, '['),
      R"({"name":"x","identifiers":)" + std::string(1000, '[') + std::string(1000, ']') + "}",
  };
  for (const std::string& json : rejects) {
    CAPTURE(json.substr(0, 100));
    CHECK_THROWS_AS(from_normal_form(json, kinds()), base::Error);
  }
}

TEST_CASE("text that is not UTF-8 never becomes a config") {
  Certificate certificate = certificate_of(kPlain);
  certificate.environment = "\xff";
  CHECK_THROWS_AS(normal_form(certificate), base::Error);
  CHECK_THROWS_AS(to_toml(certificate), base::Error);
}

// Certificates with every option, and strings that need escapes in TOML, JSON or both.
class Maker {
 public:
  explicit Maker(unsigned seed) : random_(seed) {}

  Certificate certificate() {
    Certificate made;
    made.name = Name::parse(pick({"www", "_.example.org", "www.example.org", "0", "a-b_c", "true", "1979-05-27"}));
    made.identifiers.push_back(pki::Identifier::parse("www.example.org"));
    for (const std::string_view text : {"*.example.org", "10.0.0.1", "2001:db8::1", "a@example.org",
                                        "spiffe://example.org/x", "https://example.org/?q=%22#f"})
      if (coin()) made.identifiers.push_back(pki::Identifier::parse(text));
    made.issuers.push_back(Name::parse("corp"));
    if (coin()) made.issuers.push_back(Name::parse("other.ca"));
    if (coin()) made.environment = pick({"prod", "x'y", "\xc3\xa9", "# [no]"});
    if (coin()) made.profile = pick({"server", "client", "peer"});
    made.key = pki::kAllKeyTypes[below(std::size(pki::kAllKeyTypes))];
    if (coin()) made.subject.rdns = {{"O", hostile_name()}, {"CN", hostile_name()}};
    if (coin()) made.lifetime = base::Seconds(1 + below(100'000'000));
    for (const std::string_view name : {"a", "b.c", "nginx"})
      if (coin()) made.deployments.push_back(deployment(name, made.name));
    return made;
  }

 private:
  std::size_t below(std::size_t bound) { return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random_); }
  bool coin() { return below(2) == 0; }
  std::string pick(std::initializer_list<std::string_view> all) {
    return std::string(*(all.begin() + below(all.size())));
  }
  std::string hostile_name() {
    return pick({"Acme, Inc.", "x\\y", "\"q\"", "a=b", "#x", "\xe6\x97\xa5\xe6\x9c\xac", "+;<>", "plain"});
  }
  std::string hostile() {
    std::string text;
    for (std::size_t i = below(12); i-- > 0;)
      text += pick({"\"",
                    "\\",
                    "'",
                    "\n",
                    "\r",
                    "\t",
                    "\x1b[31m",
                    "\x01",
                    "\x7f",
                    "{",
                    "}",
                    "#",
                    "=",
                    "\xe2\x80\xae",
                    "\xf0\x9f\x94\x91",
                    "\xef\xbf\xbf",
                    "\"\"\"",
                    "'''",
                    "${x}",
                    "%s",
                    "\xc2\x85",
                    "\xef\xbb\xbf",
                    " ",
                    "a",
                    "0640"});
    return text;
  }

  Deployment deployment(std::string_view name, const Name& owner) {
    base::Table written;
    const auto text = [](std::string value) { return base::Value{std::move(value), {}}; };
    const bool exec = coin();
    base::List command{text("/bin/true")};
    for (std::size_t i = below(4); i-- > 0;) command.push_back(text(hostile()));
    if (exec) {
      written.emplace_back("command", base::Value{command, {}});
      if (coin()) written.emplace_back("timeout", text("61s"));
    } else {
      written.emplace_back("directory", text(fmt::format("/srv/{} \"x\"\n{}", name, hostile())));
      if (coin())
        written.emplace_back(
            "contents", base::Value{base::List{text("fullchain"), base::Value{base::Table{{"content", text("cert")},
                                                                                          {"file", text("a'b\"c.pem")},
                                                                                          {"mode", text("600")}},
                                                                              {}}},
                                    {}});
      if (coin()) written.emplace_back("owner", text(pick({"root:root", "0:0", ":root"})));
      if (coin()) written.emplace_back("reload", base::Value{command, {}});
    }
    Deployment made = make_deployment(
        Name::parse(name), exec ? "exec" : "files", written,
        coin() ? std::vector<std::string>{} : std::vector<std::string>{"127.0.0.1:443", "[::1]:8443"}, kinds(), owner);
    if (!made.verify.empty() && coin()) made.verify.push_back({"localhost:25", "x.example.org", "smtp", true});
    if (coin()) made.verify_timeout = base::Seconds(1 + below(1000));
    return made;
  }

  std::mt19937 random_;
};

TEST_CASE("every certificate comes back from its normal form and from its fragment") {
  for (unsigned seed = 1; seed <= 2000; ++seed) {
    CAPTURE(seed);
    const Certificate made = Maker(seed).certificate();
    const std::string normal = normal_form(made);
    const Certificate back = from_normal_form(normal, kinds());
    REQUIRE(normal_form(back) == normal);
    CHECK(back.name == made.name);
    CHECK(back.identifiers == made.identifiers);
    CHECK(back.subject == made.subject);
    REQUIRE(back.deployments.size() == made.deployments.size());
    for (std::size_t i = 0; i < made.deployments.size(); ++i)
      CHECK(texts_of(back.deployments[i].options) == texts_of(made.deployments[i].options));

    const std::string toml = to_toml(made);
    CAPTURE(toml);
    const Parsed parsed =
        parse_sources({{"/conf.d/x.toml", toml}, {"/ca.toml", "[authority.corp]\n[authority.\"other.ca\"]"}});
    REQUIRE(parsed.problems == std::vector<std::string>{});
    CHECK(normal_form(parsed.config.certificates.at(made.name)) == normal);
    CHECK(std::ranges::all_of(
        toml, [](char c) { return c == '\n' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f); }));
    CHECK(toml.find("\xe2\x80\xae") == std::string::npos);
  }
}

TEST_CASE("a fragment reads as one would write it") {
  CHECK(to_toml(certificate_of(
            "[certificate.\"www.example.org\"]\nidentifiers = [\"www.example.org\"]\nissuer = [\"corp\"]\n"
            "[certificate.\"www.example.org\".deploy.nginx]\ntype = \"files\"\ndirectory = \"tls\"\n"
            "reload = [\"systemctl\", \"reload\", \"nginx\"]\n"
            "verify = [{ connect = \"127.0.0.1:443\", addresses = \"all\" }]")) == R"([certificate."www.example.org"]
identifiers = ["www.example.org"]
issuer = ["corp"]
key = "ecdsa-p256"

[certificate."www.example.org".deploy.nginx]
type = "files"
directory = "/etc/everseal/tls"
reload = ["systemctl", "reload", "nginx"]
verify = [{ connect = "127.0.0.1:443", addresses = "all" }]
)");
}

TEST_CASE("a deployment asked for on the command line is checked like one of the config") {
  const auto make = [](const base::Table& written, const std::vector<std::string>& verify) {
    return make_deployment(Name::parse("x"), "files", written, verify, kinds(), Name::parse("www"));
  };
  const base::Table good{{"directory", {"/srv/tls", {"--deploy-dir", 0}}}};
  CHECK(make(good, {}).verification == Verification::none);
  CHECK(make(good, {"localhost:443"}).verify.front().connect == "localhost:443");
  const struct {
    base::Table written;
    std::vector<std::string> verify;
    std::string problem;
  } rejects[] = {
      {{}, {}, "deploy.x.directory: is missing (where the server reads its files; must exist)"},
      {good,
       {"localhost"},
       "deploy.x.verify[0].connect: 'localhost' is not HOST:PORT (write for example \"127.0.0.1:443\" or "
       "\"[::1]:443\")"},
      {{good[0], {"mode", {"x", {"--mode", 0}}}},
       {},
       "--mode: deploy.x.mode: 'x' is not a file mode (write for example \"0640\")"},
  };
  for (const auto& [written, verify, problem] : rejects) {
    CAPTURE(problem);
    try {
      make(written, verify);
      FAIL_CHECK("no error");
    } catch (const base::Error& error) {
      CHECK(error.fault() == base::Fault::usage);
      CHECK(error.message() == "the deployment that is asked for cannot be:\n  " + problem);
    }
  }
}

}  // namespace
}  // namespace everseal::config
