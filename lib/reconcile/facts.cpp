#include "reconcile/facts.h"

#include "authority/crl.h"
#include "authority/upkeep.h"
#include "base/error.h"
#include "base/log.h"
#include "inventory/clock.h"
#include "reconcile/artifact.h"
#include "reconcile/kinds.h"
#include "reconcile/lost.h"
#include "reconcile/on_disk.h"

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

std::vector<Name> lost_publications(Session& session, const Name& authority, std::int64_t number,
                                    const std::vector<config::Deployment>& publish,
                                    const std::vector<inventory::DeploymentRecord>& records) {
  try {
    const auto artifact = authority_artifact(session, authority);
    return lost_targets(number, publish, records, [&](const config::Deployment& target) {
      return artifact->stands(*open_target(target, authority), number);
    });
  } catch (const base::Error& error) {
    base::log::debug("cannot look at what is published of {}: {}", authority, error.message());
    return {};
  }
}

inventory::ClockVerdict clock_of(Session& session) {
  return inventory::judge_clock(session.store, session.now(), session.host.build_date, session.host.machine());
}

// A target that cannot be read has not left the config.
void keep_what_is_published(plan::AuthorityFacts& facts) {
  facts.former_places.clear();
  std::erase_if(facts.deployments, [&](const inventory::DeploymentRecord& record) {
    return std::ranges::find(facts.publish, record.target, &config::Deployment::name) == facts.publish.end();
  });
}

plan::CertificateFacts read_facts(Session& session, const Name& name, const config::Certificate* changed) {
  plan::CertificateFacts facts;
  session.store.snapshot([&] {
    const auto managed = session.managed.find(name);
    if (!managed && changed == nullptr)
      throw base::Error(base::Fault::not_found, fmt::format("no certificate named {} is managed", name),
                        "`everseal list --managed` shows the names");
    if (managed) facts.pinned = managed->pinned;
    if (changed != nullptr) {
      facts.wanted = *changed;
    } else {
      facts.wanted = config::from_normal_form(managed->spec, config_kinds({}));
      facts.orphaned = managed->orphaned;
      facts.renewal = managed->origin == kOnce ? plan::Renewal::once : plan::Renewal::automatic;
      facts.key_owner = managed->key_owner;
    }
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
    const inventory::ClockVerdict clock = clock_of(session);
    facts.clock_problem = clock.reason;
    facts.believed = clock.since;
  });
  look_at_disk(session.store, facts, session.now());
  return facts;
}

}  // namespace

plan::CertificateFacts certificate_facts(Session& session, const Name& name) {
  return read_facts(session, name, nullptr);
}

plan::CertificateFacts facts_of_change(Session& session, const config::Certificate& wanted) {
  return read_facts(session, wanted.name, &wanted);
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
    facts.missing = authority::missing_to_sign(session.store, name);
    facts.crl = session.authority_rows.newest_crl(name);
    if (const auto configured = session.config.authorities.find(name); configured != session.config.authorities.end()) {
      facts.publish = configured->second.publish;
    }
    facts.deployments = session.deployments.of(inventory::ArtifactKind::crl, name);
    facts.former_places = session.deployments.former_places(inventory::ArtifactKind::crl, name);
    if (session.config.unusable.contains(authority_subject(name))) keep_what_is_published(facts);
    facts.attempts = session.attempts.of(authority_subject(name));
    facts.clock_problem = clock_of(session).reason;
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
