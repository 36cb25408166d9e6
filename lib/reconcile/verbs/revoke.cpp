#include "reconcile/verbs/revoke.h"

#include "authority/revoke.h"
#include "base/error.h"
#include "base/text.h"
#include "config/fragment.h"
#include "reconcile/facts.h"
#include "reconcile/named.h"
#include "reconcile/reconcile.h"

#include <fmt/format.h>

namespace everseal::reconcile {
namespace {

void add_revocation(Run& run, const Name& name, int version, pki::RevocationReason reason) {
  inventory::IntentRecord intent;
  intent.kind = inventory::IntentKind::revoke;
  intent.subject = name;
  intent.version = version;
  intent.reason = reason;
  intent.created = run.host.clock();
  inventory::Intents(run.store).add(intent);
}

// A certificate that an authority signed for somebody else: no managed certificate is concerned.
Verdict revoke_issued(Run& run, const inventory::IssuedRecord& issued, pki::RevocationReason reason) {
  Session session = run.session();
  authority::revoke(session.authority(issued.authority), issued.serial, reason, run.host.clock());
  Verdict verdict;
  verdict.outcomes.push_back({authority_subject(issued.authority),
                              {},
                              "revoke",
                              Result::done,
                              fmt::format("serial {} is revoked ({})", issued.serial, to_string(reason))});
  verdict.append(reconcile_authority(run, issued.authority));
  return verdict;
}

Verdict revoke_version(Run& run, const Name& name, int number, pki::RevocationReason reason) {
  run.store.transaction([&] {
    inventory::Managed(run.store).retry_now(name, run.host.clock());
    add_revocation(run, name, number, reason);
  });
  return reconcile_certificates(run, {name});
}

}  // namespace

Verdict revoke(const Host& host, const RevokeRequest& request) {
  Run run(host);
  inventory::Versions versions(run.store);
  if (request.name) {
    require_managed(run.store, *request.name);
    const auto live = versions.live(*request.name);
    if (!live) throw base::Error(base::Fault::not_found, fmt::format("{} has no version in use", *request.name));
    return revoke_version(run, *request.name, live->number, request.reason);
  }
  std::vector<inventory::IssuedRecord> issued;
  inventory::Authorities authorities(run.store);
  if (request.fingerprint) {
    const auto record = inventory::Certificates(run.store).find(*request.fingerprint);
    if (!record)
      throw base::Error(base::Fault::not_found, fmt::format("no certificate {} is known", *request.fingerprint));
    if (const auto version = versions.by_certificate(*request.fingerprint))
      return revoke_version(run, version->name, version->number, request.reason);
    for (const inventory::IssuedRecord& one : authorities.find_issued_by_serial(record->serial))
      if (one.fingerprint == *request.fingerprint) issued.push_back(one);
  } else {
    issued = authorities.find_issued_by_serial(base::lower(request.serial));
  }
  if (issued.empty())
    throw base::Error(base::Fault::not_found, "none of the authorities here signed that certificate",
                      "a certificate of another CA is revoked at that CA");
  if (issued.size() > 1)
    throw base::Error(base::Fault::usage, "several authorities signed a certificate with that serial",
                      "name the certificate itself with --cert");
  if (const auto version = versions.by_certificate(issued.front().fingerprint))
    return revoke_version(run, version->name, version->number, request.reason);
  return revoke_issued(run, issued.front(), request.reason);
}

Verdict remove(const Host& host, const RemoveRequest& request) {
  Run run(host);
  const inventory::ManagedRecord managed = require_managed(run.store, request.name);
  // First, so that a run that is killed behind it leaves an orphan, and not a name that is made anew.
  if (managed.origin != kOnce && !managed.orphaned && !config::remove_fragment(host.files, request.name))
    throw base::Error(base::Fault::denied, fmt::format("{} is defined in {}", request.name, managed.origin),
                      "delete its table there; then it is orphaned, and `remove` forgets it");
  inventory::IntentRecord intent;
  intent.kind = inventory::IntentKind::remove;
  intent.subject = request.name;
  intent.revoke = request.certificate == OnRemoval::revoke;
  intent.delete_keys = request.keys == Keys::destroy;
  intent.reason = request.reason;
  intent.created = host.clock();
  run.store.transaction([&] {
    inventory::Managed(run.store).retry_now(request.name, host.clock());
    inventory::Intents(run.store).add(intent);
  });
  return reconcile_certificates(run, {request.name});
}

}  // namespace everseal::reconcile
