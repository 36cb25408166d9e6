#include "command.h"
#include "config/load.h"
#include "config_problems.h"
#include "inventory/authorities.h"
#include "reconcile/access.h"
#include "reconcile/kinds.h"
#include "reconcile/request.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace everseal::cli {
namespace {

using Json = nlohmann::ordered_json;

// Each in the type that the config takes.
void show_options(Json& one, const base::Options& options) {
  one.update(Json::parse(reconcile::to_json(options), nullptr, false));
}

Json words(const std::optional<std::string>& text) { return text ? Json(*text) : Json(); }
Json duration(const std::optional<base::Seconds>& time) { return time ? Json(base::format_duration(*time)) : Json(); }

Json json_of(const config::Profile& profile) {
  Json keys = Json::array();
  for (const pki::KeyType key : profile.keys) keys.push_back(to_string(key));
  return {{"usage", profile.usage},
          {"lifetime", duration(profile.lifetime)},
          {"longest", duration(profile.longest)},
          {"subject", profile.subject},
          {"allow", profile.allow},
          {"deny", profile.deny},
          {"keys", std::move(keys)}};
}

Json json_of(const config::Authority& authority) {
  Json publish = Json::object();
  for (const config::Deployment& target : authority.publish)
    publish[target.name.text()] = Json::parse(config::target_form(target), nullptr, false);
  return {{"passphrase_file", words(authority.passphrase_file)},
          {"permitted", authority.permitted},
          {"excluded", authority.excluded},
          {"crl_url", words(authority.crl_url)},
          {"issuer_url", words(authority.issuer_url)},
          {"crl_lifetime", duration(authority.crl_lifetime)},
          {"longest", duration(authority.longest)},
          {"allow", authority.allow},
          {"deny", authority.deny},
          {"settle", base::format_duration(authority.settle)},
          {"publish", std::move(publish)}};
}

Json text_of(const std::optional<config::LifeLeft>& left) {
  if (!left) return {};
  return left->of == 0 ? base::format_duration(left->time) : fmt::format("{}/{}", left->part, left->of);
}

Json json_of(const config::Endpoint& endpoint) {
  return {{"targets", endpoint.targets},
          {"targets_file", words(endpoint.targets_file)},
          {"environment", endpoint.environment},
          {"team", endpoint.team},
          {"labels", endpoint.labels},
          {"sni", endpoint.sni},
          {"starttls", endpoint.starttls},
          {"client_certificate_file", words(endpoint.client_certificate_file)},
          {"client_key_file", words(endpoint.client_key_file)},
          {"addresses", endpoint.any_address ? "any" : "all"},
          {"proxy", endpoint.proxy},
          {"proxy_password_file", words(endpoint.proxy_password_file)}};
}

Json json_of(const config::Environment& environment) {
  return {{"policy", words(environment.policy)},
          {"trust", environment.trust},
          {"warning_left", text_of(environment.warning_left)},
          {"critical_left", text_of(environment.critical_left)},
          {"severity", environment.severity}};
}

Json json_of(const config::Team& team) { return {{"names", team.names}, {"runbook", team.runbook}}; }

Json json_of(const config::Audit& audit) {
  std::vector<std::string> ranges;
  for (const pki::NameConstraint& range : audit.fetch_allow) ranges.push_back(range.text);
  return {{"policy", audit.policy},
          {"trust", audit.trust},
          {"fetch", audit.fetches ? "all" : "none"},
          {"fetch_allow", ranges},
          {"compat", audit.compat}};
}

int run_config_show(Context& context) {
  const reconcile::Host host = context.host();
  inventory::Store store = reconcile::open_store(host, sql::Access::read_only);
  base::Problems problems;
  const config::Config config = reconcile::read_config(host.files, store, problems);
  if (!problems.empty()) throw config::refusal(problems);
  warn_of_not_read(host);
  Json document{{"state", host.state},
                {"main", words(host.files.main)},
                {"conf_d", host.files.fragments},
                {"files", config.files},
                {"keep", config.keep},
                {"workers", config.workers}};
  for (const auto& [name, issuer] : config.issuers) {
    Json& one = document["issuer"][name.text()] = {{"type", issuer.type}};
    show_options(one, issuer.options);
  }
  for (const auto& [name, challenge] : config.challenges) {
    Json& one = document["challenge"][name.text()] = {{"type", challenge.type}, {"zones", challenge.zones}};
    if (!challenge.provider.empty()) one["provider"] = challenge.provider;
    show_options(one, challenge.options);
    show_options(one, challenge.provider_options);
  }
  for (const auto& [name, profile] : config.profiles) document["profile"][name.text()] = json_of(profile);
  for (const auto& [name, authority] : config.authorities) document["authority"][name.text()] = json_of(authority);
  for (const auto& [name, endpoint] : config.endpoints) document["endpoint"][name.text()] = json_of(endpoint);
  for (const auto& [name, one] : config.environments) document["environment"][name.text()] = json_of(one);
  for (const auto& [name, team] : config.teams) document["team"][name.text()] = json_of(team);
  if (!config.proxy.empty()) document["proxy"] = config.proxy;
  if (config.proxy_password_file) document["proxy_password_file"] = *config.proxy_password_file;
  document["audit"] = json_of(config.audit);
  for (const auto& [name, certificate] : config.certificates)
    document["certificate"][name.text()] = Json::parse(config::normal_form(certificate), nullptr, false);
  print_document(document.dump(2, ' ', true, Json::error_handler_t::replace) + "\n");
  return 0;
}

}  // namespace

extern const Command config_show_command;
const Command config_show_command{"config show",
                                  Group::care,
                                  "show the config as it is understood, with all defaults",
                                  "Secrets appear as the paths of their files only.",
                                  {},
                                  run_config_show};

}  // namespace everseal::cli
