#include "reconcile/remarks.h"

#include "inventory/managed.h"
#include "plan/certificate.h"

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

// What tries it again, and what withdraws the wish behind it.
std::string what_to_do(inventory::Store& store, const inventory::AttemptRecord& attempt) {
  constexpr std::string_view kCertificate = "certificate/";
  if (!attempt.subject.starts_with(kCertificate)) return "`everseal plan` shows it; `everseal renew` tries it again";
  const std::string name = attempt.subject.substr(kCertificate.size());
  const std::string again = fmt::format("`everseal plan {0}` shows it; `everseal renew {0}` tries it again", name);
  if (attempt.step != plan::Revoke::kind) return again;
  std::string_view verb;
  for (const inventory::IntentRecord& intent : inventory::Intents(store).open_for(Name::parse(name)))
    if (intent.kind == inventory::IntentKind::remove || intent.kind == inventory::IntentKind::revoke)
      verb = to_string(intent.kind);
  return verb.empty() ? again : fmt::format("{}; `everseal {} {} --cancel` withdraws it", again, verb, name);
}

}  // namespace

std::vector<Remark> standing_remarks(inventory::Store& store) {
  std::vector<Remark> remarks;
  inventory::Managed managed(store);
  for (const inventory::ManagedRecord& orphan : managed.orphans(kMostRemarks))
    remarks.push_back(of_orphan(managed, orphan));
  const inventory::AttemptRecord* before = nullptr;
  const auto waiting = inventory::Attempts(store).for_operator(kMostRemarks);
  for (const inventory::AttemptRecord& attempt : waiting) {
    // One cause stops every version of a certificate.
    const bool is_told = before != nullptr && before->subject == attempt.subject && before->problem == attempt.problem;
    before = &attempt;
    if (is_told) continue;
    remarks.push_back({"needs_operator", attempt.subject,
                       fmt::format("{} waits for you: {}", describe(attempt), attempt.problem),
                       what_to_do(store, attempt)});
  }
  return remarks;
}

}  // namespace everseal::reconcile
