#include "command.h"
#include "config/load.h"
#include "inventory/authorities.h"
#include "reconcile/access.h"
#include "reconcile/kinds.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace everseal::cli {
namespace {

using Json = nlohmann::ordered_json;

// Each in the type that the config takes.
void show_options(Json& into, const base::Options& options) {
  for (const auto& [key, value] : options.entries()) {
    Json& one = into[std::string(key)];
    switch (value->type) {
      case base::OptionType::integer:
      case base::OptionType::port:
        one = value->number;
        break;
      case base::OptionType::boolean:
        one = value->number != 0;
        break;
      case base::OptionType::names:
      case base::OptionType::servers:
      case base::OptionType::command:
        one = value->list;
        break;
      case base::OptionType::items:
        one = Json::array();
        for (const base::Options& item : value->items) show_options(one.emplace_back(Json::object()), item);
        break;
      default:
        one = value->text;
    }
  }
}

int run(Context& context) {
  const reconcile::Host host = context.host();
  inventory::Store store = reconcile::open_store(host, sql::Access::read_only);
  base::Problems problems;
  const config::Config config = reconcile::read_config(host.files, store, problems);
  if (!problems.empty()) throw config::refusal(problems);
  Json document{{"state", host.state}, {"files", config.files}, {"keep", config.keep}, {"workers", config.workers}};
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
                                  run};

}  // namespace everseal::cli
