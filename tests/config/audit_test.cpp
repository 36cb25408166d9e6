// What the audit is told by the config.
#include "config/fixture.h"
#include "probe/probe.h"

#include <doctest/doctest.h>

namespace everseal::config {
namespace {

Kinds audit_kinds() {
  Kinds all = kinds();
  all.check_target = [](std::string_view text) { probe::Target::parse(text); };
  all.rules = {"expired", "self-signed"};
  all.severities = {"notice", "warning", "error", "critical"};
  all.exporters = {"blackbox", "x509-exporter"};
  return all;
}

Parsed parse_audit(std::string_view text) {
  return parse_sources({{"/etc/everseal/everseal.toml", std::string(text)}}, audit_kinds());
}

TEST_CASE("what is said of endpoints, environments and teams is understood") {
  const Parsed parsed = parse_audit(
      "[endpoint.shop]\ntargets = [\"www.example.org\", \"mail.example.org:25\"]\nenvironment = \"prod\"\n"
      "team = \"web\"\nlabels = \"tier=edge\"\nsni = \"shop.example.org\"\nstarttls = \"smtp\"\naddresses = \"any\"\n"
      "proxy = \"http://proxy.example.org:3128\"\nproxy_password_file = \"proxy.secret\"\n"
      "client_certificate_file = \"audit.pem\"\nclient_key_file = \"audit.key\"\n"
      "[endpoint.more]\ntargets_file = \"targets.txt\"\n"
      "[environment.prod]\npolicy = \"policies/ours.json\"\ntrust = [\"system\", \"corp.pem\"]\n"
      "further_trust = \"java.pem\"\n"
      "warning_left = \"1/3\"\ncritical_left = \"7d\"\nseverity = [\"self-signed=notice\"]\n"
      "[team.web]\nnames = \"*.example.org\"\nrunbook = \"https://wiki.example.org/tls\"\n"
      "[audit]\npolicy = \"modern\"\nfetch = \"none\"\nfetch_allow = [\"10.0.0.0/8\", \"fd00::/8\"]\ncompat = "
      "\"blackbox\"\n");
  REQUIRE(parsed.problems == std::vector<std::string>{});
  const Endpoint& shop = parsed.config.endpoints.at(Name::parse("shop"));
  CHECK(shop.targets == std::vector<std::string>{"www.example.org", "mail.example.org:25"});
  CHECK(shop.environment == "prod");
  CHECK(shop.team == "web");
  CHECK(shop.labels == std::vector<std::string>{"tier=edge"});
  CHECK(shop.sni == "shop.example.org");
  CHECK(shop.starttls == "smtp");
  CHECK(shop.any_address);
  CHECK(shop.proxy == "http://proxy.example.org:3128");
  CHECK(shop.proxy_password_file == "/etc/everseal/proxy.secret");
  CHECK(shop.client_certificate_file == "/etc/everseal/audit.pem");
  CHECK(shop.client_key_file == "/etc/everseal/audit.key");
  CHECK(parsed.config.endpoints.at(Name::parse("more")).targets_file == "/etc/everseal/targets.txt");
  const Environment& prod = parsed.config.environments.at(Name::parse("prod"));
  CHECK(prod.policy == "/etc/everseal/policies/ours.json");
  CHECK(prod.trust == std::vector<std::string>{"system", "/etc/everseal/corp.pem"});
  CHECK(prod.further_trust == std::vector<std::string>{"/etc/everseal/java.pem"});
  REQUIRE(prod.warning_left);
  CHECK(prod.warning_left->part == 1);
  CHECK(prod.warning_left->of == 3);
  REQUIRE(prod.critical_left);
  CHECK(prod.critical_left->of == 0);
  CHECK(prod.critical_left->time == base::Seconds{7 * 86400});
  CHECK(prod.severity == std::map<std::string, std::string>{{"self-signed", "notice"}});
  CHECK(parsed.config.teams.at(Name::parse("web")).runbook == "https://wiki.example.org/tls");
  CHECK(parsed.config.audit.policy == "modern");
  CHECK_FALSE(parsed.config.audit.fetches);
  REQUIRE(parsed.config.audit.fetch_allow.size() == 2);
  CHECK(parsed.config.audit.fetch_allow[1].text == "fd00::/8");
  CHECK(parsed.config.audit.compat == std::vector<std::string>{"blackbox"});
  CHECK(parsed.config.audit.trust == std::vector<std::string>{"system"});
}

TEST_CASE("an endpoint may begin with TLS whatever its port is for") {
  const Parsed parsed = parse_audit("[endpoint.a]\ntargets = \"mail.example.org:25\"\nstarttls = \"none\"\n");
  REQUIRE(parsed.problems == std::vector<std::string>{});
  CHECK(parsed.config.endpoints.at(Name::parse("a")).starttls == "none");
}

TEST_CASE("a file's environment is that of what says none in it, and of no other file's") {
  const Parsed parsed = parse_sources(
      {{"/etc/everseal/everseal.toml",
        "environment = \"prod\"\n[authority.corp]\n[certificate.a]\nidentifiers = \"a.example.org\"\nissuer = "
        "\"corp\"\n"
        "[certificate.b]\nidentifiers = \"b.example.org\"\nissuer = \"corp\"\nenvironment = \"test\"\n"
        "[endpoint.e]\ntargets = \"e.example.org\"\n"},
       {"/etc/everseal/conf.d/c.toml", "[certificate.c]\nidentifiers = \"c.example.org\"\nissuer = \"corp\"\n"},
       {"/etc/everseal/conf.d/d.toml",
        "environment = \"lab\"\n[certificate.d]\nidentifiers = \"d.example.org\"\nissuer = \"corp\"\n"}},
      audit_kinds());
  REQUIRE(parsed.problems == std::vector<std::string>{});
  const auto environment = [&](std::string_view name) {
    return parsed.config.certificates.at(Name::parse(name)).environment;
  };
  CHECK(environment("a") == "prod");
  CHECK(environment("b") == "test");
  CHECK(environment("c").empty());
  CHECK(environment("d") == "lab");
  CHECK(parsed.config.endpoints.at(Name::parse("e")).environment == "prod");
}

TEST_CASE("what is wrong in the audit's tables is said with its line") {
  struct Row {
    std::string_view text;
    std::string_view problem;
  };
  const Row rejects[] = {
      {"[endpoint.a]\n", "endpoint.a.targets: is missing"},
      {"[endpoint.a]\ntargets = []\n", "endpoint.a.targets: is missing"},
      {"[endpoint.a]\ntargets = [\"ok.example.org\",\n\"x:99999\"]\n", ":3:"},
      {"[endpoint.a]\ntargets = \"a\"\naddresses = \"some\"\n", "endpoint.a.addresses"},
      {"[endpoint.a]\ntargets = \"a\"\nlabels = \"edge\"\n", "'edge' is not KEY=VALUE"},
      {"[endpoint.a]\ntargets = \"a\"\nlabels = \"=edge\"\n", "'=edge' is not KEY=VALUE"},
      {"[endpoint.a]\ntargets = \"a\"\nstarttls = \"smpt\"\n", "did you mean 'smtp'?"},
      {"[endpoint.a]\ntargets = \"a\"\ntarget = \"b\"\n", "did you mean 'targets'?"},
      {"[endpoint.a]\ntargets = \"a\"\nenvironment = \"prd\"\n[environment.prod]\n", "did you mean 'prod'?"},
      {"[endpoint.a]\ntargets = \"a\"\nproxy = \"https://proxy.example.org\"\n", "endpoint.a.proxy: is no http:// URL"},
      {"[endpoint.a]\ntargets = \"a\"\nproxy_password_file = \"f\"\n", "is of no use without proxy"},
      {"[endpoint.a]\ntargets = \"a\"\nsni = \"Shop.example.org\"\n", "write \"shop.example.org\""},
      {"[endpoint.a]\ntargets = \"a\"\nsni = \"b\u00fccher.example\"\n", "write \"xn--bcher-kva.example\""},
      {"[endpoint.a]\ntargets = \"a\"\nsni = \"shop.example.org.\"\n", ":3: endpoint.a.sni"},
      {"[endpoint.a]\ntargets = \"a\"\nsni = \"*.example.org\"\n", "a wildcard cannot be asked for"},
      {"[endpoint.a]\ntargets = \"a\"\nsni = \"10.0.0.1\"\n", "is it meant to be an IP address?"},
      {"[endpoint.a]\ntargets = \"a\"\nclient_certificate_file = \"c\"\n", "is of no use without client_key_file"},
      {"[endpoint.a]\ntargets = \"a\"\nclient_key_file = \"c\"\n", "is of no use without client_certificate_file"},
      {"[audit]\ncompat = [\"blackbox\", \"blackbx\"]\n", "did you mean 'blackbox'?"},
      {"[endpoint.a]\ntargets = \"a\"\nenvironment = \"\"\n", "is not a label"},
      {"[endpoint.a]\ntargets = \"a\"\nteam = \"wbe\"\n[team.web]\n", "did you mean 'web'?"},
      {"environment = \"\"\n[endpoint.a]\ntargets = \"a\"\n", "is not a label"},
      {"environment = 3\n", "write [environment.NAME]"},
      {"environment = \"prod\"\n[environment.prod]\n", "environment"},
      {"[environment.prod]\nwarning_left = \"4/1\"\n", "neither a part of a life nor a time"},
      {"[environment.prod]\nwarning_left = \"0d\"\n", "neither a part of a life nor a time"},
      {"[environment.prod]\nwarning_left = \"1/0\"\n", "neither a part of a life nor a time"},
      {"[environment.prod]\nwarning_left = \"soon\"\n", "neither a part of a life nor a time"},
      {"[environment.prod]\nseverity = \"self-signed\"\n", "is not RULE=SEVERITY"},
      {"[environment.prod]\nseverity = \"selfsigned=notice\"\n", "did you mean 'self-signed'?"},
      {"[environment.prod]\nseverity = \"expired=mild\"\n", "one of: notice, warning, error, critical"},
      {"[environment.prod]\nseverity = [\"expired=notice\", \"expired=error\"]\n", "stands there twice"},
      {"[environment.prod]\ntrust = \"\"\n", "an empty path"},
      {"[audit]\nfurther_trust = [\"a.pem\", \"\"]\n", "audit.further_trust: an empty path"},
      {"[team.web]\nrunbook = \"no url\"\n", "team.web.runbook"},
      {"audit = 3\n", "write [audit]"},
      {"[audit]\nfetch = \"some\"\n", "audit.fetch: "},
      {"[audit]\nfetch_allow = \"10.0.0.1/8\"\n", "audit.fetch_allow: "},
      {"[audit]\nfetch_allow = \"10.0.0.0/33\"\n", "audit.fetch_allow: "},
      {"[audit]\nfetch_allow = [\"10.0.0.0/8\", \"corp.example.org\"]\n", "'corp.example.org' is no address range"},
      {"[audit]\npolcy = \"modern\"\n", "did you mean 'policy'?"},
  };
  for (const Row& row : rejects) {
    CAPTURE(row.text);
    const Parsed parsed = parse_audit(row.text);
    REQUIRE(parsed.problems.size() == 1);
    CHECK_MESSAGE(parsed.problems[0].find(row.problem) != std::string::npos, parsed.problems[0]);
  }
  // Without a declared one, an environment is a label like any.
  CHECK(parse_audit("[endpoint.a]\ntargets = \"a\"\nenvironment = \"prd\"\n").problems.empty());
}

}  // namespace
}  // namespace everseal::config
