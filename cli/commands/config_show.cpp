#include "command.h"
#include "config/load.h"
#include "inventory/authorities.h"
#include "reconcile/kinds.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace everseal::cli {
namespace {

using Json = nlohmann::ordered_json;

int run(Context& context) {
  const reconcile::Host host = context.host();
  inventory::Store store = inventory::Store::open(host.state, sql::Access::read_only, host.clock());
  const config::Config config = reconcile::read_config(host.files, store);
  Json document{{"state", host.state}, {"files", config.files}, {"keep", config.keep}, {"workers", config.workers}};
  for (const auto& [name, issuer] : config.issuers) {
    Json& one = document["issuer"][name.text()] = {{"type", issuer.type}};
    for (const auto& [key, value] : issuer.options.entries()) one[key] = value;
  }
  for (const auto& [name, challenge] : config.challenges) {
    Json& one = document["challenge"][name.text()] = {{"type", challenge.type}, {"zones", challenge.zones}};
    if (!challenge.provider.empty()) one["provider"] = challenge.provider;
    for (const base::Options* const options : {&challenge.options, &challenge.provider_options})
      for (const auto& [key, value] : options->entries()) one[key] = value;
  }
  for (const auto& [name, certificate] : config.certificates)
    document["certificate"][name.text()] = Json::parse(config::normal_form(certificate), nullptr, false);
  print(document.dump(2, ' ', true, Json::error_handler_t::replace) + "\n");
  return 0;
}

}  // namespace

extern const Command config_show_command;
const Command config_show_command{"config show",
                                  Group::care,
                                  "show the config as it is understood, with all defaults",
                                  "Secrets appear as the paths of their files only.",
                                  {},
                                  run};

}  // namespace everseal::cli
