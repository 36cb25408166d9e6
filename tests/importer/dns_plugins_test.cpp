#include "importer/dns_plugins.h"

#include "importer/fixture.h"

#include <map>

#include <doctest/doctest.h>

namespace everseal::importer::testing {
namespace {

using Stored = std::map<std::string, std::string, std::less<>>;

std::string translated(std::string_view plugin, const Stored& stored) {
  const auto challenge = translate_dns_plugin(
      plugin,
      [&](std::string_view name) {
        const auto found = stored.find(name);
        return found == stored.end() ? std::nullopt : std::optional(base::Secret(std::string_view(found->second)));
      },
      {pki::Identifier::parse("example.org")});
  if (!challenge) return {};
  Found found;
  found.lineages.push_back({.label = "it",
                            .account = {},
                            .server = {},
                            .profile = {},
                            .preferred_chain = {},
                            .chain = {},
                            .key = pki::testing::key_of(KeyType::ecdsa_p256),
                            .challenges = {},
                            .files = {},
                            .copies = {},
                            .reload = {}});
  std::string text = to_text(*challenge);
  found.lineages.front().challenges.push_back({challenge->type, challenge->names, challenge->options, {}});
  for (const auto& [name, secret] : challenge->secrets)
    found.lineages.front().challenges.front().secrets.emplace_back(name, secret.copy());
  check_challenges_are_valid(found);
  return text;
}

TEST_CASE("what a plugin was given is given to the provider that does the same, and all of it is needed") {
  const struct {
    const char* plugin;
    Stored stored;
    std::string expected;  // behind "dns-01 example.org provider="
    std::vector<std::string> optional = {};
  } rows[] = {
      {"dns-cloudflare", {{"dns_cloudflare_api_token", "t1"}}, "cloudflare token_file:\"t1\""},
      {"dns-digitalocean", {{"dns_digitalocean_token", "t2"}}, "digitalocean token_file:\"t2\""},
      {"dns-desec", {{"dns_desec_token", "t3"}}, "desec token_file:\"t3\""},
      {"dns_cf", {{"CF_Token", "t4"}}, "cloudflare token_file:\"t4\""},
      {"dns_dgon", {{"DO_API_KEY", "t5"}}, "digitalocean token_file:\"t5\""},
      {"dns_desec", {{"DEDYN_TOKEN", "t6"}}, "desec token_file:\"t6\""},
      {"dns_pdns",
       {{"PDNS_Url", "http://127.0.0.1:8081"}, {"PDNS_Token", "t7"}, {"PDNS_ServerId", "other"}},
       "powerdns api=http://127.0.0.1:8081 server_id=other key_file:\"t7\"",
       {"PDNS_ServerId"}},
      {"dns_aws",
       {{"AWS_ACCESS_KEY_ID", "id"}, {"AWS_SECRET_ACCESS_KEY", "t8"}},
       "route53 access_key_id=id secret_access_key_file:\"t8\""},
      {"dns-rfc2136",
       {{"dns_rfc2136_server", "192.0.2.1"},
        {"dns_rfc2136_name", "it"},
        {"dns_rfc2136_secret", "c2VjcmV0"},
        {"dns_rfc2136_port", "5353"},
        {"dns_rfc2136_algorithm", "HMAC-SHA256"}},
       "rfc2136 server=192.0.2.1:5353 "
       "tsig_key_file:\"key \"it\" {\n  algorithm hmac-sha256;\n  secret \"c2VjcmV0\";\n};\n\"",
       {"dns_rfc2136_port", "dns_rfc2136_algorithm"}},
      {"dns_nsupdate",
       {{"NSUPDATE_SERVER", "ns1.example.org"}, {"NSUPDATE_SERVER_PORT", "5353"}, {"NSUPDATE_KEY", "/etc/tsig.key"}},
       "rfc2136 server=ns1.example.org:5353 tsig_key_file=/etc/tsig.key",
       {"NSUPDATE_SERVER", "NSUPDATE_SERVER_PORT"}},
  };
  for (const auto& row : rows) {
    CAPTURE(row.plugin);
    CHECK(translated(row.plugin, row.stored) == "dns-01 example.org provider=" + row.expected);
    for (const auto& [name, value] : row.stored) {
      CAPTURE(name);
      const bool is_optional = std::ranges::find(row.optional, name) != row.optional.end();
      Stored without = row.stored;
      without.erase(name);
      CHECK(translated(row.plugin, without).empty() == !is_optional);
      without[name] = "";
      CHECK(translated(row.plugin, without).empty() == !is_optional);
    }
  }
  for (const char* const plugin : {"dns-route53", "dns-google", "dns_cloudns", "dns", "", "cloudflare", "DNS_CF"}) {
    CAPTURE(plugin);
    CHECK(translated(plugin, {{"CF_Token", "t"}, {"dns_cloudflare_api_token", "t"}}).empty());
  }
}

TEST_CASE("a name server is written as the provider reads it") {
  const struct {
    Stored stored;
    std::string server;  // "" where it is none
  } rows[] = {
      {{{"NSUPDATE_SERVER", "192.0.2.1"}}, "192.0.2.1:53"},
      {{{"NSUPDATE_SERVER", "2001:db8::1"}}, "[2001:db8::1]:53"},
      {{{"NSUPDATE_SERVER", "[2001:db8::1]"}, {"NSUPDATE_SERVER_PORT", "65535"}}, "[2001:db8::1]:65535"},
      {{}, "localhost:53"},
      {{{"NSUPDATE_SERVER_PORT", "0"}}, ""},
      {{{"NSUPDATE_SERVER_PORT", "65536"}}, ""},
      {{{"NSUPDATE_SERVER_PORT", "53a"}}, ""},
      {{{"NSUPDATE_SERVER_PORT", "-53"}}, ""},
      {{{"NSUPDATE_KEY", "tsig.key"}}, ""},
  };
  for (const auto& [stored, server] : rows) {
    CAPTURE(server);
    Stored all = stored;
    all.emplace("NSUPDATE_KEY", "/etc/tsig.key");
    const std::string text = translated("dns_nsupdate", all);
    CHECK(text.empty() == server.empty());
    if (!server.empty()) CHECK(judge::contains(text, " server=" + server + " "));
  }
  const std::string text = translated(
      "dns-rfc2136",
      {{"dns_rfc2136_server", "2001:db8::1"}, {"dns_rfc2136_name", "it"}, {"dns_rfc2136_secret", "c2VjcmV0"}});
  CHECK(judge::contains(text, " server=[2001:db8::1]:53 "));
  CHECK(judge::contains(text, "algorithm hmac-md5;"));
}

}  // namespace
}  // namespace everseal::importer::testing
