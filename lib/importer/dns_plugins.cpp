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
  // Where fields do not say it all: false where something is missing.
  bool (*put)(const Credential& credential, Challenge& challenge) = nullptr;
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

std::optional<std::string> text_of(const Credential& credential, std::string_view name) {
  const auto found = credential(name);
  return found && !found->empty() ? std::optional(std::string(found->reveal_text())) : std::nullopt;
}

// nullopt where `port` is none.
std::optional<std::string> server_option(const std::string& host, const std::string& port) {
  base::Table checked;
  put_port(checked, "port", port);
  if (checked.empty()) return std::nullopt;
  const bool is_v6 = host.find(':') != std::string::npos && !host.starts_with('[');
  return fmt::format("{}{}{}:{}", is_v6 ? "[" : "", host, is_v6 ? "]" : "", port);
}

// certbot keeps a TSIG key in pieces.
bool put_certbot_rfc2136(const Credential& credential, Challenge& challenge) {
  const auto host = text_of(credential, "dns_rfc2136_server");
  const auto name = text_of(credential, "dns_rfc2136_name");
  const auto secret = credential("dns_rfc2136_secret");
  if (!host || !name || !secret || secret->empty()) return false;
  const auto server = server_option(*host, text_of(credential, "dns_rfc2136_port").value_or("53"));
  if (!server) return false;
  challenge.options.emplace_back("server", base::text_value(*server));
  std::string key = fmt::format("key \"{}\" {{\n  algorithm {};\n  secret \"{}\";\n}};\n", *name,
                                base::lower(text_of(credential, "dns_rfc2136_algorithm").value_or("hmac-md5")),
                                secret->reveal_text());
  challenge.secrets.emplace_back("tsig_key_file", Secret::take(key));
  return true;
}

// acme.sh names a file of the form that `tsig-keygen` writes.
bool put_nsupdate(const Credential& credential, Challenge& challenge) {
  const auto key_file = text_of(credential, "NSUPDATE_KEY");
  const auto server = server_option(text_of(credential, "NSUPDATE_SERVER").value_or("localhost"),
                                    text_of(credential, "NSUPDATE_SERVER_PORT").value_or("53"));
  if (!key_file || !key_file->starts_with('/') || !server) return false;
  challenge.options.emplace_back("server", base::text_value(*server));
  challenge.options.emplace_back("tsig_key_file", base::text_value(*key_file));
  return true;
}

bool put_fields(std::span<const Field> fields, const Credential& credential, Challenge& challenge) {
  for (const Field& field : fields) {
    auto value = credential(field.theirs);
    if (!value || value->empty()) {
      if (field.need == Need::required) return false;
      continue;
    }
    if (field.form == Form::secret)
      challenge.secrets.emplace_back(field.option, std::move(*value));
    else
      challenge.options.emplace_back(field.option, base::text_value(std::string(value->reveal_text())));
  }
  return true;
}

constexpr Plugin kPlugins[] = {
    {"dns-cloudflare", "cloudflare", kCertbotCloudflare},
    {"dns-digitalocean", "digitalocean", kCertbotDigitalOcean},
    {"dns-desec", "desec", kCertbotDesec},
    {"dns-rfc2136", "rfc2136", {}, put_certbot_rfc2136},
    {"dns_cf", "cloudflare", kCloudflare},
    {"dns_dgon", "digitalocean", kDigitalOcean},
    {"dns_desec", "desec", kDesec},
    {"dns_pdns", "powerdns", kPowerDns},
    {"dns_aws", "route53", kRoute53},
    {"dns_nsupdate", "rfc2136", {}, put_nsupdate},
};

}  // namespace

std::optional<Challenge> translate_dns_plugin(std::string_view plugin, const Credential& credential,
                                              std::vector<pki::Identifier> names) {
  const auto known = std::ranges::find(kPlugins, plugin, &Plugin::name);
  if (known == std::end(kPlugins)) return std::nullopt;
  Challenge challenge;
  challenge.type = "dns-01";
  challenge.names = std::move(names);
  challenge.options.emplace_back("provider", base::text_value(std::string(known->provider)));
  const bool is_complete =
      known->put == nullptr ? put_fields(known->fields, credential, challenge) : known->put(credential, challenge);
  return is_complete ? std::optional(std::move(challenge)) : std::nullopt;
}

}  // namespace everseal::importer
