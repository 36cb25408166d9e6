#include "reconcile/take_in.h"

#include "pki/digest.h"
#include "plan/schedule.h"

namespace everseal::reconcile {
namespace {

inventory::VersionRecord version_record(const archive::Version& version) {
  const archive::Manifest& manifest = version.manifest;
  const pki::Certificate& leaf = version.chain.front();
  inventory::VersionRecord record;
  record.name = manifest.name;
  record.number = manifest.number;
  record.state = inventory::VersionState::issued;
  record.issuer = manifest.issuer;
  record.spec_hash = manifest.spec_hash;
  record.certificate = leaf.fingerprint();
  for (std::size_t i = 1; i < version.chain.size(); ++i) record.chain.push_back(version.chain[i].fingerprint());
  record.not_before = leaf.not_before();
  record.not_after = leaf.not_after();
  record.renew_at = plan::renewal_time(leaf.not_before(), leaf.not_after(), pki::random_fraction());
  record.created = manifest.created;
  record.has_key = version.has_key;
  record.imported_from = manifest.imported_from;
  return record;
}

inventory::ManagedRecord managed_record(const archive::Manifest& manifest) {
  inventory::ManagedRecord managed;
  managed.name = manifest.name;
  managed.spec = manifest.spec;
  managed.spec_hash = base::hex(pki::sha256(base::as_bytes(manifest.spec)));
  managed.origin = kOnce;
  managed.key_owner = manifest.external_key ? inventory::KeyOwner::external : inventory::KeyOwner::ours;
  return managed;
}

}  // namespace

void take_in(Session& session, const archive::Version& version, const std::string& event, const Detail& detail) {
  const Time now = session.now();
  const Name& name = version.manifest.name;
  session.store.transaction([&] {
    session.certificates.add(version.chain, now);
    if (!session.managed.find(name)) session.managed.put(managed_record(version.manifest));
    session.versions.put(version_record(version));
    if (!event.empty()) session.events.add(event, subject_of(name), detail, now);
  });
}

}  // namespace everseal::reconcile
