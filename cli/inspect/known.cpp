#include "inspect/known.h"

#include "archive/archive.h"
#include "base/error.h"
#include "inventory/certificates.h"
#include "inventory/managed.h"

namespace everseal::cli {
namespace {

using inventory::VersionRecord;
using inventory::VersionState;

bool is_on_disk(const std::string& state, const VersionRecord& version) {
  try {
    return archive::standing_of(state, version.name, version.number).complete;
  } catch (const base::Error&) {
    return false;
  }
}

std::optional<KnownVersion> known_version(const std::string& state, const std::optional<VersionRecord>& version) {
  if (!version || !version->certificate || !version->not_after) return std::nullopt;
  return KnownVersion{version->name, version->number, *version->not_after, is_on_disk(state, *version)};
}

// That may be put in place: neither pending nor revoked.
std::optional<VersionRecord> newest_of(inventory::Versions& versions, const base::Name& name) {
  std::optional<VersionRecord> newest;
  for (VersionRecord& one : versions.recent(name))
    if (one.certificate && !one.revoked_at && one.state != VersionState::pending) newest = std::move(one);
  return newest;
}

// The managed certificate in use that speaks for it: by this name, or by a wildcard beside it.
std::optional<base::Name> keeper_of(inventory::Certificates& certificates, const pki::Identifier& asked) {
  constexpr std::int64_t kMostLookedAt = 1000;
  std::optional<base::Name> name;
  inventory::CertificateFilter filter;
  filter.managed_only = true;
  filter.limit = 1;
  filter.name = asked.text();
  certificates.each(filter, [&](const inventory::CertificateRecord& record) { name = record.managed; });
  const auto dot = asked.text().find('.');
  if (name || asked.kind() != pki::IdentifierKind::dns || dot == std::string::npos) return name;
  std::vector<inventory::CertificateRecord> candidates;
  filter.limit = kMostLookedAt;
  filter.name = asked.text().substr(dot);
  certificates.each(filter, [&](const inventory::CertificateRecord& record) { candidates.push_back(record); });
  for (const inventory::CertificateRecord& one : candidates) {
    const auto der = certificates.der(one.fingerprint);
    if (der && pki::matches(pki::Certificate::parse(*der).names(), asked)) return one.managed;
  }
  return std::nullopt;
}

}  // namespace

Known known_of(inventory::Store& store, const std::string& state, const pki::Certificate& leaf,
               std::span<const pki::Identifier> asked) {
  inventory::Certificates certificates(store);
  inventory::Versions versions(store);
  Known known;
  const auto record = certificates.find(leaf.fingerprint());
  if (record) known.first_seen = record->first_seen;
  known.served = known_version(state, versions.by_certificate(leaf.fingerprint()));
  if (known.served) {
    known.kept = known_version(state, newest_of(versions, known.served->name));
    return known;
  }
  for (const pki::Identifier& one : asked) {
    const auto name = keeper_of(certificates, one);
    if (!name) continue;
    known.kept = known_version(state, versions.live(*name));
    break;
  }
  return known;
}

}  // namespace everseal::cli
