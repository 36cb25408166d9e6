#include "reconcile/on_disk.h"

#include "archive/archive.h"
#include "base/error.h"
#include "base/log.h"
#include "inventory/managed.h"
#include "reconcile/artifact.h"
#include "reconcile/lost.h"

#include <algorithm>

namespace everseal::reconcile {
namespace {

plan::OnDisk on_disk(const archive::Standing& standing, const inventory::VersionRecord& version,
                     inventory::KeyOwner owner) {
  const bool wants_key = version.has_key || owner == inventory::KeyOwner::ours;
  if (!standing.exists || (wants_key && !standing.has_key)) return plan::OnDisk::lost;
  return standing.complete ? plan::OnDisk::whole : plan::OnDisk::damaged;
}

void look_at(inventory::Store& store, plan::CertificateFacts& facts, const plan::VersionFacts* used_now) {
  const std::string& state = store.state();
  const Name& name = facts.wanted.name;
  // The commits of a run that ended it were lost.
  for (plan::VersionFacts& version : facts.versions)
    if (version.record.state == inventory::VersionState::pending)
      version.is_signed |= archive::standing_of(state, name, version.record.number).complete;
  facts.live_link = archive::live_link_of(state, name).number;
  const auto used =
      std::ranges::find_if(facts.versions, [&](const plan::VersionFacts& one) { return &one == used_now; });
  if (used == facts.versions.end()) return;
  const auto in_use = inventory::Managed(store).in_use(name);
  if (in_use && in_use->number == used->record.number && in_use->number == facts.live_link) {
    const std::string look = look_of(state, *in_use);
    facts.touched = look != in_use->seen;
    if (!facts.touched && !look.empty()) return;  // all of it is as it was when its contents were last found right
  }
  used->on_disk = on_disk(archive::standing_of(state, name, used->record.number), used->record, facts.key_owner);
  facts.lost_targets = lost_targets(
      used->record.number, facts.wanted.deployments, facts.deployments,
      [&](const config::Deployment& target) { return open_target(target, name)->stands(used->record.number); });
}

}  // namespace

void look_at_disk(inventory::Store& store, plan::CertificateFacts& facts, plan::Time now) {
  try {
    look_at(store, facts, plan::version_in_use(facts, now));
  } catch (const base::Error& error) {
    base::log::debug("cannot look at what is on disk of {}: {}", facts.wanted.name, error.message());
  }
}

std::vector<Name> lost_targets(std::int64_t number, const std::vector<config::Deployment>& wanted,
                               const std::vector<inventory::DeploymentRecord>& records,
                               const std::function<bool(const config::Deployment&)>& stands) {
  std::vector<Name> lost;
  for (const config::Deployment& target : wanted) {
    const auto record = std::ranges::find(records, target.name, &inventory::DeploymentRecord::target);
    const bool is_there = record != records.end() && record->version == number &&
                          (is_proved(record->state) || record->state == inventory::DeploymentState::unverified);
    if (!is_there) continue;
    if (record->spec_hash == config::deployment_hash(target) && !stands(target)) lost.push_back(target.name);
  }
  return lost;
}

}  // namespace everseal::reconcile
