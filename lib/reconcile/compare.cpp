// Whether what is in use says on the disk what it should; what does not is written again, or deployed again.
#include "base/error.h"
#include "base/text.h"
#include "pki/chain.h"
#include "reconcile/lost.h"
#include "reconcile/mends.h"
#include "reconcile/steps.h"
#include "reconcile/take_in.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace everseal::reconcile {
namespace {

using inventory::VersionRecord;

// Gives the files that were written again.
std::vector<std::string> repair_archive(Session& session, const VersionRecord& version) {
  const Stored stored = stored_version(session, version);
  const std::string renewal = fmt::format("`everseal renew --force {}` makes a new version", version.name);
  const archive::Standing standing = session.archive.standing(version.name, version.number);
  if (stored.chain.empty())
    throw base::Error(base::Fault::corrupt,
                      fmt::format("the database does not hold the certificates of version {}", version.number),
                      renewal);
  if (!standing.exists && stored.manifest.external_key) {
    session.archive.complete(stored.manifest, stored.chain);
    return {"all"};
  }
  if (!standing.exists || (version.has_key && !standing.has_key))
    throw base::Error(
        base::Fault::not_found,
        fmt::format("{} of version {} is gone from the archive", standing.exists ? "the private key" : "all",
                    version.number),
        fmt::format("bring it back from a backup; or {}, and `everseal remove {}` forgets it", renewal, version.name));
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

// What to say of keys that others could read, which are closed now; "": none.
std::string close_keys(Session& session, const Name& name) {
  const std::vector<int> open = session.archive.close_keys(name);
  if (open.empty()) return {};
  return fmt::format(
      "the private key of version {} was not closed to others and is again; whether somebody read it nobody can tell: "
      "`everseal revoke {} --reason keyCompromise` replaces it",
      fmt::join(open, ", "), name);
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
  if (!version) throw base::Error(base::Fault::internal, fmt::format("{} has no version {}", name, step.number));
  const auto tell = [&](const std::string& text, const std::vector<Name>& again) {
    const Detail detail{{"version", std::to_string(step.number)}, {"what", text}};
    session.store.transaction([&] {
      if (again.empty()) session.events.add(kDamaged, subject_of(name), detail, session.now());
      for (const Name& target : again) {
        session.deployments.deploy_again(inventory::ArtifactKind::version, name, target);
        Detail there{{"target", target.text()}};
        there.insert(there.end(), detail.begin(), detail.end());
        session.events.add(kDamaged, subject_of(name), there, session.now());
      }
    });
    return Outcome{subject_of(name), {}, "compare", Result::warned, text};
  };
  // By itself: what else is wrong may fail, and is found by the next look.
  if (const std::string closed = close_keys(session, name); !closed.empty()) return tell(closed, {});
  // Before anything is read: what changes meanwhile looks otherwise the next time.
  const std::string look = in_use ? look_of(session.host.state, *in_use) : std::string();
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
  if (found.empty()) {
    if (in_use)
      session.store.transaction([&] { session.managed.set_seen(name, look); }, inventory::Durability::deferred);
    return std::nullopt;
  }
  const std::string text = base::join(found, "; ");
  for (const Name& target : again) require_mendable(session, subject_of(name), target, text);
  return tell(text, again);
}

}  // namespace everseal::reconcile
