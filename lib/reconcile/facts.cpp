#include "reconcile/facts.h"

#include "authority/crl.h"
#include "base/error.h"
#include "base/log.h"
#include "inventory/clock.h"
#include "reconcile/artifact.h"
#include "reconcile/kinds.h"
#include "reconcile/lost.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::reconcile {
namespace {

bool covers_exactly(const pki::Certificate& certificate, const std::vector<pki::Identifier>& wanted) {
  return certificate.names().size() == wanted.size() && pki::covers(certificate.names(), wanted);
}

// Names are matched where it matters: for what may be in use or gone back to.
bool names_match(Session& session, const inventory::VersionRecord& version, const config::Certificate& wanted) {
  if (!version.certificate || (!version.has_key && version.state == inventory::VersionState::retired)) return false;
  const auto der = session.certificates.der(*version.certificate);
  return der && covers_exactly(pki::Certificate::parse(*der), wanted.identifiers);
}

bool is_finalized(Session& session, const inventory::VersionRecord& version) {
  const auto order = session.orders.find(version.name, version.number);
  return order && (order->status == "processing" || order->status == "valid");
}

plan::OnDisk on_disk(Session& session, const inventory::VersionRecord& version, inventory::KeyOwner owner) {
  const archive::Standing standing = session.archive.standing(version.name, version.number);
  const bool wants_key = version.has_key || owner == inventory::KeyOwner::ours;
  if (!standing.exists || (wants_key && !standing.has_key)) return plan::OnDisk::lost;
  return standing.complete ? plan::OnDisk::whole : plan::OnDisk::damaged;
}

// The targets at which artifact `number` was proved, and where it is no longer.
std::vector<Name> lost_targets(Deployable& artifact, std::int64_t number, const std::vector<config::Deployment>& wanted,
                               const std::vector<inventory::DeploymentRecord>& records) {
  std::vector<Name> lost;
  for (const config::Deployment& target : wanted) {
    const auto record = std::ranges::find(records, target.name, &inventory::DeploymentRecord::target);
    if (record == records.end() || !is_proved(record->state) || record->version != number) continue;
    if (record->spec_hash != config::deployment_hash(target)) continue;
    if (!artifact.stands(*open_target(target, artifact.name()), number)) lost.push_back(target.name);
  }
  return lost;
}

// What the disk says of what the store knows, in a few system calls. What it does not say is no loss.
void look_at_disk(Session& session, plan::CertificateFacts& facts, Time now) {
  try {
    const auto* const used = plan::version_in_use(facts, now);
    for (plan::VersionFacts& version : facts.versions) {
      if (&version == used) version.on_disk = on_disk(session, version.record, facts.key_owner);
      // The commits of a run that ended it were lost.
      if (version.record.state == inventory::VersionState::pending)
        version.is_signed |= session.archive.standing(version.record.name, version.record.number).complete;
    }
    facts.live_link = session.archive.live_link(facts.wanted.name).number;
    if (const auto in_use = session.managed.in_use(facts.wanted.name);
        in_use && used != nullptr && in_use->number == used->record.number && facts.live_link == in_use->number)
      facts.touched = look_of(session.host.state, *in_use) != in_use->seen;
    if (used != nullptr)
      facts.lost_targets = lost_targets(*certificate_artifact(session, facts.wanted.name), used->record.number,
                                        facts.wanted.deployments, facts.deployments);
  } catch (const base::Error& error) {
    base::log::debug("cannot look at what is on disk of {}: {}", facts.wanted.name, error.message());
  }
}

std::vector<Name> lost_publications(Session& session, const Name& authority, std::int64_t number,
                                    const std::vector<config::Deployment>& publish,
                                    const std::vector<inventory::DeploymentRecord>& records) {
  try {
    return lost_targets(*authority_artifact(session, authority), number, publish, records);
  } catch (const base::Error& error) {
    base::log::debug("cannot look at what is published of {}: {}", authority, error.message());
    return {};
  }
}

std::string clock_problem(Session& session) {
  return inventory::judge_clock(session.store, session.now(), session.host.build_date, session.host.machine()).reason;
}

// A target that cannot be read has not left the config.
void keep_what_is_published(plan::AuthorityFacts& facts) {
  facts.former_places.clear();
  std::erase_if(facts.deployments, [&](const inventory::DeploymentRecord& record) {
    return std::ranges::find(facts.publish, record.target, &config::Deployment::name) == facts.publish.end();
  });
}

}  // namespace

plan::CertificateFacts certificate_facts(Session& session, const Name& name) {
  plan::CertificateFacts facts;
  session.store.snapshot([&] {
    const auto managed = session.managed.find(name);
    if (!managed)
      throw base::Error(base::Fault::not_found, fmt::format("no certificate named {} is managed", name),
                        "`everseal list --managed` shows the names");
    facts.wanted = config::from_normal_form(managed->spec, config_kinds({}));
    facts.orphaned = managed->orphaned;
    facts.pinned = managed->pinned;
    facts.renewal = managed->origin == kOnce ? plan::Renewal::once : plan::Renewal::automatic;
    facts.key_owner = managed->key_owner;
    facts.keep = session.config.keep;
    for (inventory::VersionRecord& version : session.versions.recent(name)) {
      plan::VersionFacts one{std::move(version), false};
      one.names_match = names_match(session, one.record, facts.wanted);
      one.renewal_info = session.offers_renewal_info(one.record.issuer);
      if (one.record.certificate && one.renewal_info == plan::RenewalInfoOf::issuer)
        one.info = session.renewal_infos.find(*one.record.certificate);
      if (one.record.state == inventory::VersionState::pending) one.is_signed = is_finalized(session, one.record);
      facts.versions.push_back(std::move(one));
    }
    facts.ended = session.versions.ended(name, session.now(), plan::kEndedLookedAt);
    facts.next_number = session.versions.next_number(name);
    facts.deployments = session.deployments.of(inventory::ArtifactKind::version, name);
    facts.former_places = session.deployments.former_places(inventory::ArtifactKind::version, name);
    facts.intents = session.intents.open_for(name);
    facts.attempts = session.attempts.of(subject_of(name));
    facts.clock_problem = clock_problem(session);
  });
  look_at_disk(session, facts, session.now());
  return facts;
}

plan::AuthorityFacts authority_facts(Session& session, const Name& name) {
  plan::AuthorityFacts facts;
  session.store.snapshot([&] {
    const auto record = session.authority_rows.find(name);
    if (!record)
      throw base::Error(base::Fault::not_found, fmt::format("there is no authority {}", name),
                        "`everseal ca list` shows them; `everseal ca init` makes one");
    facts.record = *record;
    const auto active = session.authority_rows.active_generation(name);
    facts.has_intermediate = active.has_value();
    for (const auto& one : session.authority_rows.certificates(name))
      if (one.role == inventory::AuthorityRole::intermediate && one.generation == active) {
        const auto certificate = pki::Certificate::parse(one.der);
        facts.begins = certificate.not_before();
        facts.ends = certificate.not_after();
      }
    facts.crl = session.authority_rows.newest_crl(name);
    if (const auto configured = session.config.authorities.find(name); configured != session.config.authorities.end()) {
      facts.publish = configured->second.publish;
    }
    facts.deployments = session.deployments.of(inventory::ArtifactKind::crl, name);
    facts.former_places = session.deployments.former_places(inventory::ArtifactKind::crl, name);
    if (session.config.unusable.contains(authority_subject(name))) keep_what_is_published(facts);
    facts.attempts = session.attempts.of(authority_subject(name));
    facts.clock_problem = clock_problem(session);
    facts.revocations_lost = authority::lacks_revocations(session.store, name);
    facts.crl_on_disk = crl_stands(session.host.state, session.store, name);
    if (facts.crl)
      facts.lost_targets = lost_publications(session, name, static_cast<std::int64_t>(facts.crl->number), facts.publish,
                                             facts.deployments);
  });
  return facts;
}

std::vector<Name> authorities_with_losses(Session& session) {
  std::vector<Name> found;
  for (const auto& [name, configured] : session.config.authorities) {
    if (configured.publish.empty()) continue;
    const auto crl = session.authority_rows.newest_crl(name);
    if (crl && !lost_publications(session, name, static_cast<std::int64_t>(crl->number), configured.publish,
                                  session.deployments.of(inventory::ArtifactKind::crl, name))
                    .empty())
      found.push_back(name);
  }
  return found;
}

}  // namespace everseal::reconcile
