#include "reconcile/overview.h"

#include "authority/crl.h"
#include "authority/files.h"
#include "authority/upkeep.h"
#include "base/directory.h"
#include "base/error.h"
#include "base/text.h"
#include "inventory/authorities.h"
#include "inventory/certificates.h"
#include "inventory/clock.h"
#include "inventory/managed.h"
#include "inventory/orders.h"
#include "inventory/subjects.h"
#include "plan/authority.h"
#include "plan/certificate.h"
#include "reconcile/kinds.h"
#include "reconcile/lost.h"
#include "reconcile/on_disk.h"
#include "reconcile/session.h"
#include "reconcile/take_in.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>
#include <tuple>

#include <fmt/format.h>
#include <sys/stat.h>

namespace everseal::reconcile {
namespace {

// What the config as it is now says of the tables, by subject, and what is wrong with the clock.
class Said {
 public:
  Said(const Untaken& untaken, std::string clock_problem)
      : untaken_(untaken), clock_problem_(std::move(clock_problem)) {
    for (const base::Problem& problem : untaken.problems) problems_.try_emplace(problem.subject, &problem);
  }

  // `orphaned`: no file that could be read names it.
  std::string problem_of(const Name& name, bool orphaned) const {
    if (const auto found = problems_.find(subject_of(name)); found != problems_.end())
      return base::without_hint(*found->second);
    const auto* const file = orphaned ? untaken_.unparsed.may_define("certificate", name.text()) : nullptr;
    return file == nullptr ? std::string() : base::without_hint(file->problem);
  }
  // A table that left may be back.
  bool has(const Name& name) const { return untaken_.unread.contains(name); }
  bool lacks(const Name& name) const { return untaken_.gone.contains(name); }
  const std::string& clock_problem() const { return clock_problem_; }

 private:
  const Untaken& untaken_;
  std::string clock_problem_;
  std::map<std::string_view, const base::Problem*> problems_;
};

ManagedCertificate read(inventory::Store& store, const config::Kinds& kinds, inventory::ManagedRecord record,
                        const Said& said, base::Time now) {
  ManagedCertificate one;
  one.record = std::move(record);
  const Name& name = one.record.name;
  if (said.has(name)) one.record.orphaned = false;
  if (said.lacks(name)) one.record.orphaned = true;
  try {
    one.wanted = config::from_normal_form(one.record.spec, kinds);
  } catch (const base::Error&) {
    // Written for a kind or an option that is gone; what is deployed goes on.
  }
  plan::CertificateFacts facts;
  facts.wanted.name = name;
  facts.pinned = one.record.pinned;
  facts.orphaned = one.record.orphaned;
  facts.key_owner = one.record.key_owner;
  for (inventory::VersionRecord& version : inventory::Versions(store).of(name))
    facts.versions.push_back({std::move(version), false});
  if (const plan::VersionFacts* const used = plan::version_in_use(facts, now)) {
    plan::VersionFacts in_use = *used;
    if (in_use.record.certificate) {
      one.certificate = inventory::Certificates(store).find(*in_use.record.certificate);
      in_use.info = inventory::RenewalInfos(store).find(*in_use.record.certificate);
    }
    if (in_use.record.renew_at) one.renew_at = plan::renewal_of(in_use);
    one.in_use = std::move(in_use.record);
  }
  one.deployments = inventory::Deployments(store).of(inventory::ArtifactKind::version, name);
  one.attempts = inventory::Attempts(store).of(subject_of(name));
  std::optional<inventory::VersionRecord> ahead;
  for (const plan::VersionFacts& version : facts.versions)
    if (version.record.state == inventory::VersionState::live && version.record.not_before > now)
      ahead = version.record;
  const auto removal = inventory::Intents(store).open_removal(name);
  std::vector<inventory::IntentRecord> revocations = inventory::Intents(store).open_for(name);
  std::erase_if(revocations, [](const inventory::IntentRecord& intent) {
    return intent.kind != inventory::IntentKind::revoke || !intent.version;
  });
  std::optional<std::string> unproved;
  if (one.wanted) {
    facts.wanted = *one.wanted;
    unproved = plan::unproved(facts);
  }
  facts.deployments = one.deployments;
  look_at_disk(store, facts, now);
  one.state = plan::state_of({.wanted = one.wanted,
                              .orphaned = one.record.orphaned,
                              .renewal = one.record.origin == kOnce ? plan::Renewal::once : plan::Renewal::automatic,
                              .in_use = one.in_use,
                              .ahead = ahead,
                              .look_again = inventory::Subjects(store).look_again(inventory::certificate_subject(name)),
                              .deployments = one.deployments,
                              .attempts = one.attempts,
                              .unproved = std::move(unproved),
                              .held = plan::held(facts, now),
                              .config_problem = said.problem_of(name, one.record.orphaned),
                              .loss = ahead ? std::string() : plan::loss(facts, now),
                              .touched = facts.touched,
                              .clock_problem = said.clock_problem(),
                              .removal = removal ? asked_by(*removal) : std::string(),
                              .revocations = std::move(revocations)},
                             now);
  return one;
}

// Stands in the config, and not in the store.
ManagedCertificate unread(const config::Certificate& certificate) {
  ManagedCertificate one;
  one.record.name = certificate.name;
  one.record.origin = to_string(certificate.origin);
  one.record.environment = certificate.environment;
  one.wanted = certificate;
  one.state = {plan::State::pending, plan::Attention::none,
               fmt::format("it stands in {}, and no run has read it yet; `everseal renew` does",
                           base::printable(one.record.origin))};
  return one;
}

// Stands in the config, was never right, and so is not in the store.
ManagedCertificate never_right(const Name& name, const base::Problem& problem, base::Time now) {
  ManagedCertificate one;
  one.record.name = name;
  one.record.origin = to_string(problem.origin);
  one.state = plan::state_of({.config_problem = base::without_hint(problem)}, now);
  return one;
}

// What keeps it from signing, as far as a look at its directory tells.
std::string trouble_of(const Host& host, inventory::Store& store, const Name& name) {
  if (std::string missing = authority::missing_to_sign(store, name); !missing.empty()) return missing;
  if (!inventory::Authorities(store).are_revocations_lost(name) || authority::tells_revocations(store, name)) return {};
  const base::Error error = revocations_lost(host.state, name);
  return fmt::format("{}: {}", error.message(), error.hint());
}

// What the next run signs or publishes again, as far as files are there: what a publication holds is not read.
std::string loss_of(const Host& host, inventory::Store& store, const Name& name,
                    const std::vector<inventory::DeploymentRecord>& published) {
  if (!crl_stands(host.state, store, name)) return std::string(plan::kCrlLost);
  for (const inventory::DeploymentRecord& record : published) {
    if (!is_proved(record.state) || record.paths.empty()) continue;
    for (const std::string& path : base::split(record.paths, '\n'))
      if (struct stat found{}; ::stat(path.c_str(), &found) != 0 && (errno == ENOENT || errno == ENOTDIR))
        return plan::no_longer_there(record.target);
  }
  return {};
}

ManagedAuthority read(const Host& host, inventory::Store& store, const Name& name,
                      const std::vector<ManagedCertificate>& certificates, base::Time now) {
  inventory::Authorities authorities(store);
  ManagedAuthority one{.name = name, .not_after = {}, .crl_until = {}, .state = {}};
  plan::AuthorityStateFacts facts;
  const auto active = authorities.active_generation(name);
  for (const auto& row : authorities.certificates(name)) {
    if (row.role != inventory::AuthorityRole::intermediate || row.generation != active) continue;
    const auto intermediate = inventory::Certificates(store).find(row.fingerprint);
    if (!intermediate) continue;
    facts.begins = intermediate->not_before;
    facts.ends = intermediate->not_after;
    for (const ManagedCertificate& certificate : certificates) {
      if (!certificate.certificate || certificate.certificate->issuer.raw() != intermediate->subject.raw()) continue;
      facts.is_used = true;
      if (certificate.certificate->not_after >= intermediate->not_after) facts.cuts = true;
    }
    try {
      facts.trouble = trouble_of(host, store, name);
    } catch (const base::Error& error) {
      facts.trouble = error.message();
    }
  }
  facts.crl = authorities.newest_crl(name);
  facts.look_again = inventory::Subjects(store).look_again(inventory::authority_subject(name));
  facts.deployments = inventory::Deployments(store).of(inventory::ArtifactKind::crl, name);
  facts.attempts = inventory::Attempts(store).of(authority_subject(name));
  facts.loss = loss_of(host, store, name, facts.deployments);
  one.not_after = facts.ends;
  if (facts.crl) one.crl_until = facts.crl->next_update;
  one.state = plan::state_of(facts, now);
  return one;
}

}  // namespace

Overview overview(const Host& host, inventory::Store& store) {
  const config::Kinds kinds = config_kinds({});
  const base::Time now = host.clock();
  Overview all;
  store.snapshot([&] {
    Untaken untaken = look_at_config(host, store);
    const inventory::ClockVerdict clock = inventory::judge_clock(store, now, host.build_date, host.machine());
    const Said said(untaken, clock.reason);
    std::set<Name> known;
    for (inventory::ManagedRecord& record : inventory::Managed(store).all()) {
      known.insert(record.name);
      all.certificates.push_back(read(store, kinds, std::move(record), said, now));
    }
    for (const auto& [name, certificate] : untaken.unread)
      if (known.insert(name).second) all.certificates.push_back(unread(certificate));
    for (const base::Problem& problem : untaken.problems)
      if (const auto name = certificate_in(problem.subject); name && known.insert(*name).second)
        all.certificates.push_back(never_right(*name, problem, now));
    all.problems = std::move(untaken.problems);
    if (!clock.trusted) {
      const base::Error error = inventory::untrusted_clock(clock);
      all.problems.push_back({{}, {}, error.message(), error.hint(), "store"});
    }
    for (const inventory::AuthorityRecord& record : inventory::Authorities(store).all())
      all.authorities.push_back(read(host, store, record.name, all.certificates, now));
  });
  std::ranges::stable_sort(all.authorities, {},
                           [](const ManagedAuthority& one) { return std::tuple(one.state.state, one.not_after); });
  std::ranges::stable_sort(all.certificates, {}, [](const ManagedCertificate& one) {
    return std::tuple(one.state.state, one.in_use ? one.in_use->not_after : std::nullopt);
  });
  return all;
}

ManagedCertificate managed_certificate(const Host& host, inventory::Store& store,
                                       const inventory::ManagedRecord& record, const Untaken& untaken) {
  const base::Time now = host.clock();
  const Said said(untaken, inventory::judge_clock(store, now, host.build_date, host.machine()).reason);
  return read(store, config_kinds({}), record, said, now);
}

std::string_view state_of(const inventory::CertificateRecord& record, base::Time now) {
  if (record.revoked_at) return "revoked";
  if (record.not_after <= now) return "expired";
  if (record.version_state) return to_string(*record.version_state);
  return record.is_ca ? "ca" : "seen";
}

}  // namespace everseal::reconcile
