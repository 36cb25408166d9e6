#include "reconcile/verbs/renew.h"

#include "reconcile/named.h"
#include "reconcile/reconcile.h"

#include <algorithm>

namespace everseal::reconcile {
namespace {

// Whatever else is asked for, once.
void ask_for_renewal(inventory::Store& store, const Name& name, Time now) {
  inventory::Intents intents(store);
  const auto open = intents.open_for(name);
  if (std::ranges::find(open, inventory::IntentKind::force_renew, &inventory::IntentRecord::kind) != open.end()) return;
  inventory::IntentRecord intent;
  intent.kind = inventory::IntentKind::force_renew;
  intent.subject = name;
  intent.created = now;
  intents.add(intent);
}

}  // namespace

Verdict renew(const Host& host, const RenewRequest& request) {
  Run run(host);
  std::vector<Name> names = request.names;
  if (names.empty() && request.force == Force::yes)
    for (const inventory::ManagedRecord& record : inventory::Managed(run.store).all())
      if (!record.orphaned && record.origin != kOnce) names.push_back(record.name);
  if (names.empty()) return reconcile_due(run);
  const Time now = host.clock();
  for (const Name& name : names) require_managed(run.store, name);
  run.store.transaction([&] {
    for (const Name& name : names) {
      inventory::Managed(run.store).retry_now(name, now);
      if (request.force == Force::yes) ask_for_renewal(run.store, name, now);
    }
  });
  Verdict verdict = reconcile_certificates(run, names);
  if (!run.clock.trusted)
    verdict.outcomes.push_back(failure("store", {}, "clock", inventory::untrusted_clock(run.clock)));
  return verdict;
}

}  // namespace everseal::reconcile
