#include "reconcile/overview.h"

#include "base/error.h"
#include "inventory/certificates.h"
#include "inventory/managed.h"
#include "inventory/orders.h"
#include "inventory/subjects.h"
#include "plan/certificate.h"
#include "reconcile/kinds.h"
#include "reconcile/session.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include <fmt/format.h>

namespace everseal::reconcile {
namespace {

// What the config as it is now says of the tables, by subject.
class Said {
 public:
  explicit Said(const Untaken& untaken) : untaken_(untaken) {
    for (const base::Problem& problem : untaken.problems) problems_.try_emplace(problem.subject, &problem);
  }

  std::string problem_of(const Name& name) const {
    const auto found = problems_.find(subject_of(name));
    return found == problems_.end() ? std::string() : base::without_hint(*found->second);
  }
  // A table that left may be back.
  bool has(const Name& name) const { return untaken_.unread.contains(name); }

 private:
  const Untaken& untaken_;
  std::map<std::string_view, const base::Problem*> problems_;
};

ManagedCertificate read(inventory::Store& store, const config::Kinds& kinds, inventory::ManagedRecord record,
                        const Said& said, base::Time now) {
  ManagedCertificate one;
  one.record = std::move(record);
  const Name& name = one.record.name;
  if (said.has(name)) one.record.orphaned = false;
  try {
    one.wanted = config::from_normal_form(one.record.spec, kinds);
  } catch (const base::Error&) {
    // Written for a kind or an option that is gone; what is deployed goes on.
  }
  plan::CertificateFacts facts;
  facts.pinned = one.record.pinned;
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
  std::optional<std::string> unproved;
  if (one.wanted) {
    facts.wanted = *one.wanted;
    unproved = plan::unproved(facts);
  }
  facts.wanted.name = name;
  one.state = plan::state_of({.wanted = one.wanted,
                              .orphaned = one.record.orphaned,
                              .renewal = one.record.origin == kOnce ? plan::Renewal::once : plan::Renewal::automatic,
                              .in_use = one.in_use,
                              .look_again = inventory::Subjects(store).look_again(inventory::certificate_subject(name)),
                              .deployments = one.deployments,
                              .attempts = one.attempts,
                              .unproved = std::move(unproved),
                              .held = plan::held(facts, now),
                              .config_problem = said.problem_of(name)},
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

}  // namespace

Overview overview(const Host& host, inventory::Store& store) {
  const config::Kinds kinds = config_kinds({});
  const base::Time now = host.clock();
  Overview all;
  store.snapshot([&] {
    Untaken untaken = look_at_config(host, store);
    const Said said(untaken);
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
  });
  std::ranges::stable_sort(all.certificates, {}, [](const ManagedCertificate& one) {
    return std::tuple(one.state.state, one.in_use ? one.in_use->not_after : std::nullopt);
  });
  return all;
}

ManagedCertificate managed_certificate(inventory::Store& store, const inventory::ManagedRecord& record,
                                       const Untaken& untaken, base::Time now) {
  return read(store, config_kinds({}), record, Said(untaken), now);
}

std::string_view state_of(const inventory::CertificateRecord& record, base::Time now) {
  if (record.revoked_at) return "revoked";
  if (record.not_after <= now) return "expired";
  if (record.version_state) return to_string(*record.version_state);
  return record.is_ca ? "ca" : "seen";
}

}  // namespace everseal::reconcile
