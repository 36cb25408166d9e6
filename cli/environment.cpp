#include "environment.h"

#include "base/error.h"
#include "base/text.h"
#include "inventory/managed.h"
#include "inventory/places.h"
#include "reconcile/kinds.h"
#include "scan/targets.h"

#include <algorithm>
#include <set>
#include <vector>

#include <fmt/format.h>

namespace everseal::cli {
namespace {

std::set<std::string> environments_said(const config::Config& config) {
  std::set<std::string> names;
  for (const auto& [name, environment] : config.environments) names.insert(name.text());
  for (const auto& [name, certificate] : config.certificates) names.insert(certificate.environment);
  for (const auto& [name, endpoint] : config.endpoints) names.insert(endpoint.environment);
  return names;
}

// Reads every file of targets.
std::set<std::string> environments_of_targets(const config::Config& config) {
  std::set<std::string> names;
  base::Problems problems;
  for (const scan::Wanted& one : scan::endpoints_of(config, scan::Secrets::left, problems))
    names.insert(one.environment);
  return names;
}

}  // namespace

void require_known_environment(const config::Config& config, inventory::Store* store, const std::string& name) {
  std::set<std::string> known = environments_said(config);
  if (!known.contains(name)) known.merge(environments_of_targets(config));
  if (store != nullptr && !known.contains(name)) {
    known.merge(inventory::Places(*store).environments());
    for (const inventory::ManagedRecord& record : inventory::Managed(*store).all()) known.insert(record.environment);
  }
  known.erase("");
  if (known.contains(name)) return;
  const std::vector<std::string> names(known.begin(), known.end());
  const auto near = base::nearest(name, names);
  throw base::Error(base::Fault::usage,
                    fmt::format("--env: nothing is of an environment '{}'", base::printable(name.substr(0, 80))),
                    near            ? fmt::format("did you mean '{}'?", base::printable(*near))
                    : names.empty() ? std::string("[endpoint.NAME] and [certificate.NAME] say environment = \"...\"")
                                    : "known are: " + base::printable(base::join(names, ", ")));
}

void require_known_environment(const reconcile::Host& host, inventory::Store& store, const std::string& name) {
  base::Problems problems;
  config::Config config;
  try {
    config = reconcile::read_config(host.files, store, problems);
  } catch (const base::Error& error) {
    if (error.fault() != base::Fault::config) throw;
    return;
  }
  if (problems.empty()) require_known_environment(config, &store, name);
}

}  // namespace everseal::cli
