// Whether what is in use says on the disk what it should; what does not is written again, or deployed again.
#include "base/error.h"
#include "base/text.h"
#include "pki/chain.h"
#include "reconcile/lost.h"
#include "reconcile/mends.h"
#include "reconcile/steps.h"
#include "reconcile/take_in.h"

#include <fmt/format.h>

namespace everseal::reconcile {
namespace {

using inventory::VersionRecord;

// Gives the files that were written again.
std::vector<std::string> repair_archive(Session& session, const VersionRecord& version) {
  const Stored stored = stored_version(session, version);
  const std::string renewal = fmt::format("`everseal renew --force {}` makes a new version", version.name);
  if (stored.chain.empty())
    throw base::Error(base::Fault::corrupt,
                      fmt::format("the database does not hold the certificates of version {}", version.number),
                      renewal);
  std::vector<std::string> damaged = session.archive.damage(stored.manifest, stored.chain);
  if (!damaged.empty()) session.archive.repair(stored.manifest, stored.chain);
  if (!version.has_key) return damaged;
  if (const auto key = session.archive.key(version.name, version.number);
      !key || !pki::key_matches(*key, stored.chain.front()))
    throw base::Error(base::Fault::corrupt,
                      fmt::format("the private key of version {} does not match its certificate", version.number),
                      renewal);
  return damaged;
}

// At one target that was proved; "" where nothing is wrong or nobody can tell.
std::string difference_at(Session& session, const config::Deployment& target, const VersionRecord& version) {
  const auto record = session.deployments.find(inventory::ArtifactKind::version, version.name, target.name);
  if (!record || record->current != version.number || record->spec_hash != config::deployment_hash(target)) return {};
  if (!is_proved(record->state)) return {};
  std::vector<std::string> differences;
  certificate_artifact(session, version.name)->with(version.number, [&](const deploy::Artifact& made) {
    differences = open_target(target, version.name)->differences(made);
  });
  return base::join(differences, "; ");
}

}  // namespace

std::optional<Outcome> compare(Session& session, const plan::CertificateFacts& facts, const plan::Compare& step) {
  const Name& name = facts.wanted.name;
  const auto in_use = session.managed.in_use(name);
  const auto version = session.versions.find(name, step.number);
  if (!in_use || !version) throw base::Error(base::Fault::internal, fmt::format("{} has nothing in use", name));
  // Before anything is read: what changes meanwhile looks otherwise the next time.
  const std::string look = look_of(session.host.state, *in_use);
  std::vector<std::string> found;
  const std::vector<std::string> repaired = repair_archive(session, *version);
  if (!repaired.empty())
    found.push_back(
        fmt::format("{} of version {} was damaged and is written again", base::join(repaired, ", "), step.number));
  std::vector<Name> again;
  for (const config::Deployment& target : facts.wanted.deployments) {
    const std::string difference = difference_at(session, target, *version);
    if (difference.empty()) continue;
    again.push_back(target.name);
    found.push_back(fmt::format("{} is deployed again: {}", target.name, difference));
  }
  const Time now = session.now();
  if (found.empty()) {
    session.store.transaction([&] { session.managed.set_seen(name, look); }, inventory::Durability::deferred);
    return std::nullopt;
  }
  const std::string text = base::join(found, "; ");
  if (!again.empty()) require_mendable(session, subject_of(name), text);
  session.store.transaction([&] {
    for (const Name& target : again) session.deployments.deploy_again(inventory::ArtifactKind::version, name, target);
    session.events.add(std::string(kDamaged), subject_of(name),
                       Detail{{"version", std::to_string(step.number)}, {"what", text}}, now);
  });
  return Outcome{subject_of(name), {}, "compare", Result::warned, text};
}

}  // namespace everseal::reconcile
