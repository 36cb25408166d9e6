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
#include <tuple>

namespace everseal::reconcile {
namespace {

ManagedCertificate read(inventory::Store& store, const config::Kinds& kinds, inventory::ManagedRecord record,
                        base::Time now) {
  ManagedCertificate one;
  one.record = std::move(record);
  const Name& name = one.record.name;
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
  one.state = plan::state_of({.wanted = one.wanted,
                              .orphaned = one.record.orphaned,
                              .renewal = one.record.origin == kOnce ? plan::Renewal::once : plan::Renewal::automatic,
                              .in_use = one.in_use,
                              .look_again = inventory::Subjects(store).look_again(inventory::certificate_subject(name)),
                              .deployments = one.deployments,
                              .attempts = one.attempts,
                              .unproved = std::move(unproved)},
                             now);
  return one;
}

}  // namespace

std::vector<ManagedCertificate> managed_certificates(inventory::Store& store, base::Time now) {
  const config::Kinds kinds = config_kinds({});
  std::vector<ManagedCertificate> all;
  store.snapshot([&] {
    for (inventory::ManagedRecord& record : inventory::Managed(store).all())
      all.push_back(read(store, kinds, std::move(record), now));
  });
  std::ranges::stable_sort(all, {}, [](const ManagedCertificate& one) {
    return std::tuple(one.state.state, one.in_use ? one.in_use->not_after : std::nullopt);
  });
  return all;
}

ManagedCertificate managed_certificate(inventory::Store& store, const inventory::ManagedRecord& record,
                                       base::Time now) {
  return read(store, config_kinds({}), record, now);
}

std::string_view state_of(const inventory::CertificateRecord& record, base::Time now) {
  if (record.revoked_at) return "revoked";
  if (record.not_after <= now) return "expired";
  if (record.version_state) return to_string(*record.version_state);
  return record.is_ca ? "ca" : "seen";
}

std::vector<std::string> names_of(const inventory::CertificateRecord& record) {
  std::vector<std::string> names;
  std::string_view rest = record.names.raw();
  while (!rest.empty()) {
    const auto end = rest.find(", ");
    names.emplace_back(rest.substr(0, end));
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 2);
  }
  return names;
}

}  // namespace everseal::reconcile
