#include "scan/superseded.h"

#include "base/text.h"
#include "inventory/managed.h"

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>

namespace everseal::scan {
namespace {

using inventory::DeploymentRecord;

std::string names_of(const std::vector<DeploymentRecord>& deployments) {
  std::vector<std::string> names;
  for (const DeploymentRecord& one : deployments) names.push_back(one.target.text());
  return base::join(names, " and ");
}

// Of the deployments those that did not bring it to their place, else those that did and whose server shows another.
std::string where_it_is(const std::vector<DeploymentRecord>& all, int version) {
  std::vector<DeploymentRecord> behind, there;
  for (const DeploymentRecord& one : all) (one.current == version ? there : behind).push_back(one);
  if (all.empty()) return "is on the disk and deployed to nothing, so that who reads live/ has to reload";
  if (behind.empty()) return fmt::format("was deployed to {}, whose server goes on without it", names_of(there));
  const std::string& problem = behind.front().problem;
  return fmt::format("is on the disk and not yet deployed to {}{}", names_of(behind),
                     problem.empty() ? "" : fmt::format(" ({})", problem));
}

}  // namespace

std::optional<audit::Superseded> superseded_by(inventory::Store& store, const pki::Fingerprint& leaf) {
  inventory::Versions versions(store);
  const auto served = versions.by_certificate(leaf);
  if (!served) return std::nullopt;
  const auto in_use = versions.live(served->name);
  if (!in_use || in_use->number <= served->number || !in_use->not_after || in_use->revoked_at) return std::nullopt;
  const auto deployments = inventory::Deployments(store).of(inventory::ArtifactKind::version, served->name);
  audit::Superseded superseded;
  superseded.name = served->name.text();
  superseded.served = served->number;
  superseded.in_use = in_use->number;
  superseded.ends = *in_use->not_after;
  superseded.where = where_it_is(deployments, in_use->number);
  superseded.since = in_use->created;
  for (const DeploymentRecord& one : deployments) superseded.since = std::max(superseded.since, one.changed);
  return superseded;
}

}  // namespace everseal::scan
