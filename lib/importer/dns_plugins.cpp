#include "importer/dns_plugins.h"

#include "base/text.h"
#include "importer/foreign_files.h"

#include <algorithm>
#include <span>

#include <fmt/format.h>

namespace everseal::importer {
namespace {

using base::Secret;

enum class Form { text, secret };
enum class Need { required, optional };

struct Field {
  std::string_view theirs;
  std::string_view option;  // of our provider
  Form form = Form::text;
  Need need = Need::required;
};

struct Plugin {
  std::string_view name;
  std::string_view provider;
  std::span<const Field> fields;
};

constexpr Field kCertbotCloudflare[] = {{"dns_cloudflare_api_token", "token_file", Form::secret}};
constexpr Field kCertbotDigitalOcean[] = {{"dns_digitalocean_token", "token_file", Form::secret}};
constexpr Field kCertbotDesec[] = {{"dns_desec_token", "token_file", Form::secret}};
constexpr Field kCloudflare[] = {{"CF_Token", "token_file", Form::secret}};
constexpr Field kDigitalOcean[] = {{"DO_API_KEY", "token_file", Form::secret}};
constexpr Field kDesec[] = {{"DEDYN_TOKEN", "token_file", Form::secret}};
constexpr Field kPowerDns[] = {{"PDNS_Url", "api"},
                               {"PDNS_Token", "key_file", Form::secret},
                               {"PDNS_ServerId", "server_id", Form::text, Need::optional}};
constexpr Field kRoute53[] = {{"AWS_ACCESS_KEY_ID", "access_key_id"},
                              {"AWS_SECRET_ACCESS_KEY", "secret_access_key_file", Form::secret}};
constexpr Field kNsupdate[] = {{"NSUPDATE_SERVER", "server"}, {"NSUPDATE_KEY", "tsig_key_file"}};

constexpr Plugin kPlugins[] = {
    {"dns-cloudflare", "cloudflare", kCertbotCloudflare},
    {"dns-digitalocean", "digitalocean", kCertbotDigitalOcean},
    {"dns-desec", "desec", kCertbotDesec},
    {"dns_cf", "cloudflare", kCloudflare},
    {"dns_dgon", "digitalocean", kDigitalOcean},
    {"dns_desec", "desec", kDesec},
    {"dns_pdns", "powerdns", kPowerDns},
    {"dns_aws", "route53", kRoute53},
    {"dns_nsupdate", "rfc2136", kNsupdate},
};

std::optional<std::string> text_of(const Credential& credential, std::string_view name) {
  const auto found = credential(name);
  return found && !found->empty() ? std::optional(std::string(found->reveal_text())) : std::nullopt;
}

// certbot keeps a TSIG key in pieces.
std::optional<Challenge> rfc2136(const Credential& credential, Challenge challenge) {
  const auto server = text_of(credential, "dns_rfc2136_server");
  const auto name = text_of(credential, "dns_rfc2136_name");
  const auto secret = credential("dns_rfc2136_secret");
  if (!server || !name || !secret || secret->empty()) return std::nullopt;
  const std::string port = text_of(credential, "dns_rfc2136_port").value_or("53");
  const bool is_v6 = server->find(':') != std::string::npos;
  put_text(challenge.options, "server", fmt::format("{}{}{}:{}", is_v6 ? "[" : "", *server, is_v6 ? "]" : "", port));
  std::string key = fmt::format("key \"{}\" {{\n  algorithm {};\n  secret \"{}\";\n}};\n", *name,
                                base::lower(text_of(credential, "dns_rfc2136_algorithm").value_or("hmac-md5")),
                                secret->reveal_text());
  challenge.secrets.emplace_back("tsig_key_file", Secret::take(key));
  return challenge;
}

}  // namespace

std::optional<Challenge> translate_dns_plugin(std::string_view plugin, const Credential& credential,
                                              std::vector<std::string> zones) {
  Challenge challenge;
  challenge.type = "dns-01";
  challenge.zones = std::move(zones);
  if (plugin == "dns-rfc2136") {
    put_text(challenge.options, "provider", "rfc2136");
    return rfc2136(credential, std::move(challenge));
  }
  const auto known = std::ranges::find(kPlugins, plugin, &Plugin::name);
  if (known == std::end(kPlugins)) return std::nullopt;
  put_text(challenge.options, "provider", std::string(known->provider));
  for (const Field& field : known->fields) {
    auto value = credential(field.theirs);
    if (!value || value->empty()) {
      if (field.need == Need::required) return std::nullopt;
      continue;
    }
    if (field.form == Form::secret)
      challenge.secrets.emplace_back(field.option, std::move(*value));
    else
      put_text(challenge.options, field.option, std::string(value->reveal_text()));
  }
  return challenge;
}

}  // namespace everseal::importer
