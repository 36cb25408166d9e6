#include "reconcile/verbs/renew.h"

#include "reconcile/facts.h"
#include "reconcile/named.h"
#include "reconcile/reconcile.h"

namespace everseal::reconcile {

void retry_now(inventory::Store& store, const Name& name, Time now) {
  store.transaction([&] {
    inventory::Attempts(store).clear_all(subject_of(name));
    inventory::Deployments deployments(store);
    for (inventory::DeploymentRecord record : deployments.of(inventory::ArtifactKind::version, name)) {
      record.not_before.reset();
      deployments.put(record);
    }
    inventory::Subjects(store).wake(inventory::certificate_subject(name), now);
  });
}

Verdict renew(const Host& host, const RenewRequest& request) {
  Run run(host);
  std::vector<Name> names = request.names;
  if (names.empty() && request.force == Force::yes)
    for (const inventory::ManagedRecord& record : inventory::Managed(run.store).all())
      if (!record.orphaned && record.origin != kOnce) names.push_back(record.name);
  if (names.empty()) return reconcile_due(run);
  const Time now = host.clock();
  for (const Name& name : names) {
    require_managed(run.store, name);
    run.store.transaction([&] {
      retry_now(run.store, name, now);
      inventory::Intents intents(run.store);
      if (request.force == Force::yes && intents.open_for(name).empty()) {
        inventory::IntentRecord intent;
        intent.kind = inventory::IntentKind::force_renew;
        intent.subject = name;
        intent.created = now;
        intents.add(intent);
      }
    });
  }
  return reconcile_certificates(run, names);
}

}  // namespace everseal::reconcile
