#include "base/error.h"
#include "command.h"
#include "config/load.h"
#include "inventory/authorities.h"
#include "reconcile/kinds.h"
#include "reconcile/settings.h"

#include <fmt/format.h>

namespace everseal::cli {
namespace {

constexpr Argument kArguments[] = {{.name = "FILE", .summary = "check this file instead of the one in use"}};

// Those of the store, where there is one: a certificate may name an authority that stands in no file.
std::vector<base::Name> known_authorities(const reconcile::Host& host) {
  try {
    inventory::Store store = inventory::Store::open(host.state, sql::Access::read_only, host.clock());
    return reconcile::authority_names(store);
  } catch (const base::Error& error) {
    if (error.fault() != base::Fault::not_found) throw;
    return {};
  }
}

int run(Context& context) {
  const reconcile::Host host = context.host();
  config::Files files = host.files;
  if (const auto file = context.arguments.one("FILE")) files = {*file, {}};
  base::Problems problems;
  const config::Config config =
      config::parse(config::read(files), reconcile::config_kinds(known_authorities(host)), problems);
  if (problems.empty()) {
    try {
      reconcile::authority_settings(config, {});
      for (const auto& [name, authority] : config.authorities) reconcile::authority_settings(config, name);
    } catch (const base::Error& error) {
      problems.push_back({{}, {}, error.message(), error.hint()});
    }
  }
  if (context.output == Output::json) {
    std::string list;
    for (const base::Problem& problem : problems)
      list += fmt::format("{}\n    {{\"file\": {}, \"line\": {}, \"key\": {}, \"message\": {}, \"hint\": {}}}",
                          list.empty() ? "" : ",", base::json_string(problem.origin.file), problem.origin.line,
                          base::json_string(problem.key), base::json_string(problem.message),
                          base::json_string(problem.hint));
    print(fmt::format("{{\n  \"files\": {},\n  \"problems\": [{}{}]\n}}\n", config.files.size(), list,
                      list.empty() ? "" : "\n  "));
  } else {
    for (const base::Problem& problem : problems) note(to_string(problem) + "\n");
    if (problems.empty() && !context.quiet)
      print(
          fmt::format("{} file(s), no problem: {} certificate(s), {} issuer(s), {} authority table(s), {} profile(s)\n",
                      config.files.size(), config.certificates.size(), config.issuers.size(), config.authorities.size(),
                      config.profiles.size()));
  }
  return problems.empty() ? 0 : 2;
}

}  // namespace

extern const Command config_check_command;
const Command config_check_command{"config check",
                                   Group::care,
                                   "check the config, all problems at once",
                                   "Opens no secret. Exit 2 where there is a problem.",
                                   kArguments,
                                   run};

}  // namespace everseal::cli
