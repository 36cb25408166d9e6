#include "reconcile/remarks.h"

#include "inventory/managed.h"

#include <fmt/format.h>

namespace everseal::reconcile {
namespace {

constexpr int kMostRemarks = 10;

Remark of_orphan(inventory::Managed& managed, const inventory::ManagedRecord& orphan) {
  const std::string subject = inventory::certificate_subject(orphan.name).text();
  if (const auto other = managed.same_names(orphan))
    return {"renamed", subject,
            fmt::format("is no longer in the config (was {}); {} has the same names", base::printable(orphan.origin),
                        *other),
            fmt::format("if {} is its new name: `everseal remove {}` forgets the old one", *other, orphan.name)};
  return {"orphaned", subject,
          fmt::format("is no longer in the config (was {}), so nothing renews it", base::printable(orphan.origin)),
          fmt::format("bring it back, or `everseal remove {}`", orphan.name)};
}

}  // namespace

std::vector<Remark> standing_remarks(inventory::Store& store) {
  std::vector<Remark> remarks;
  inventory::Managed managed(store);
  for (const inventory::ManagedRecord& orphan : managed.orphans(kMostRemarks))
    remarks.push_back(of_orphan(managed, orphan));
  for (const inventory::AttemptRecord& attempt : inventory::Attempts(store).for_operator(kMostRemarks))
    remarks.push_back({"needs_operator", attempt.subject,
                       fmt::format("{} waits for you: {}", describe(attempt), attempt.problem),
                       "`everseal plan` shows it; `everseal renew NAME` tries it again, `--cancel` withdraws it"});
  return remarks;
}

}  // namespace everseal::reconcile
