#include "base/error.h"
#include "base/text.h"
#include "command.h"
#include "config/load.h"
#include "config_problems.h"
#include "inventory/authorities.h"
#include "reconcile/access.h"
#include "reconcile/host_checks.h"
#include "reconcile/kinds.h"
#include "scan/standards.h"

#include <algorithm>
#include <iterator>
#include <set>

#include <fmt/format.h>

namespace everseal::cli {
namespace {

constexpr Argument kConfigCheckArguments[] = {{.name = "FILE", .summary = "check this file instead of the one in use"}};

// Those of the store, where there is one: a certificate may name an authority that stands in no file.
std::vector<base::Name> known_authorities(const reconcile::Host& host) {
  try {
    inventory::Store store = reconcile::open_store(host, sql::Access::read_only);
    return reconcile::authority_names(store);
  } catch (const base::Error& error) {
    if (error.fault() != base::Fault::not_found) throw;
    return {};
  }
}

// Issuers of the config, and authorities that sign without a table of their own.
std::size_t count_issuers(const config::Config& config, const std::vector<base::Name>& authorities) {
  std::set<base::Name> names(authorities.begin(), authorities.end());
  for (const auto& [name, authority] : config.authorities) names.insert(name);
  for (const auto& [name, issuer] : config.issuers) names.insert(name);
  return names.size();
}

int run_config_check(Context& context) {
  const reconcile::Host host = context.host();
  config::Files files = host.files;
  if (const auto file = context.arguments.one("FILE")) files = {*file, {}};
  const config::Sources sources = config::read_each(files);
  const std::vector<base::Name> authorities = known_authorities(host);
  base::Problems problems;
  for (const auto& [path, problem] : sources.unread) problems.push_back(problem);
  const config::Config config =
      config::parse(sources.files, reconcile::config_kinds(authorities), problems,
                    sources.unread.empty() ? config::References::checked : config::References::elsewhere);
  if (problems.empty()) problems = scan::audit_problems(config);
  base::Problems warnings = problems.empty() ? reconcile::host_problems(config) : base::Problems();
  if (!context.arguments.has("FILE"))
    std::ranges::copy(config::not_read(files, host.state), std::back_inserter(warnings));
  if (context.output == Output::json) {
    print_document(fmt::format(
        "{{\n  \"main\": {},\n  \"conf_d\": {},\n  \"files\": {},\n  \"problems\": {},\n  \"warnings\": {}\n}}\n",
        json_or_null(files.main.value_or("")), json_or_null(files.fragments), config.files.size(),
        problems_in_json(problems), problems_in_json(warnings)));
    return problems.empty() ? 0 : 2;
  }
  for (const base::Problem& problem : problems) note(to_string(problem) + "\n");
  for (const base::Problem& warning : warnings) note(fmt::format("warning: {}\n", to_string(warning)));
  if (problems.empty() && !context.quiet)
    print(fmt::format("{}: {} file(s), no problem: {} certificate(s), {} issuer(s), {} profile(s)\n", to_string(files),
                      config.files.size(), config.certificates.size(), count_issuers(config, authorities),
                      config.profiles.size()));
  return problems.empty() ? 0 : 2;
}

}  // namespace

extern const Command config_check_command;
const Command config_check_command{
    "config check",
    Group::care,
    "check the config, all problems at once",
    "Reads also the policies, trust stores and files of targets that the config names, and opens no secret.\n"
    "Exit 2 where there is a problem; what this host lacks is warned of.",
    kConfigCheckArguments,
    run_config_check};

}  // namespace everseal::cli
