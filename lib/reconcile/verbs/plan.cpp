#include "reconcile/verbs/plan.h"

#include "reconcile/facts.h"
#include "reconcile/named.h"
#include "reconcile/reconcile.h"

namespace everseal::reconcile {

std::vector<PlannedSubject> plan(const Host& host, const std::vector<Name>& names) {
  inventory::Store store = inventory::Store::open(host.state, sql::Access::read_write, host.clock());
  Desired desired(host, store);
  Session session(host, desired.config());
  const Time now = host.clock();
  std::vector<PlannedSubject> planned;
  const auto add = [&](const Name& name) {
    planned.push_back({subject_of(name), plan::decide(certificate_facts(session, name), now)});
  };
  if (!names.empty()) {
    for (const Name& name : names) add(require_managed(session.store, name).name);
    return planned;
  }
  for (const inventory::ManagedRecord& record : session.managed.all()) add(record.name);
  for (const inventory::AuthorityRecord& record : session.authority_rows.all())
    planned.push_back({authority_subject(record.name), plan::decide(authority_facts(session, record.name), now)});
  return planned;
}

}  // namespace everseal::reconcile
