#include "reconcile/verbs/issue.h"

#include "base/error.h"
#include "config/fragment.h"
#include "inventory/managed.h"
#include "pki/digest.h"
#include "reconcile/facts.h"
#include "reconcile/kinds.h"
#include "reconcile/reconcile.h"

#include <fmt/format.h>

namespace everseal::reconcile {
namespace {

void put_once(Run& run, const IssueRequest& request) {
  const config::Certificate& wanted = request.certificate;
  const Time now = run.host.clock();
  inventory::Managed managed(run.store);
  if (const auto existing = managed.find(wanted.name); existing && existing->origin != kOnce)
    throw base::Error(base::Fault::exists, fmt::format("{} is kept alive by {}", wanted.name, existing->origin),
                      "choose another name with --as");
  inventory::ManagedRecord record;
  record.name = wanted.name;
  record.spec = config::normal_form(wanted);
  record.spec_hash = base::hex(pki::sha256(base::as_bytes(record.spec)));
  record.origin = kOnce;
  record.key_owner = request.csr.empty() ? inventory::KeyOwner::ours : inventory::KeyOwner::external;
  inventory::IntentRecord intent;
  intent.kind = inventory::IntentKind::issue_once;
  intent.subject = wanted.name;
  intent.csr = request.csr;
  intent.created = now;
  run.store.transaction([&] {
    managed.put(record);
    inventory::Intents(run.store).add(intent);
  });
}

}  // namespace

Verdict issue(const Host& host, const IssueRequest& request) {
  Run run(host);
  if (request.keep == Keep::once) {
    put_once(run, request);
  } else {
    config::write_fragment(host.files, request.certificate, config_kinds(authority_names(run.store)));
    run.desired = Desired(host, run.store);
  }
  inventory::Managed(run.store).retry_now(request.certificate.name, host.clock());
  Verdict verdict = reconcile_certificates(run, {request.certificate.name});
  const auto live = inventory::Versions(run.store).live(request.certificate.name);
  if (verdict.outcomes.empty() && live && live->not_after)
    verdict.outcomes.push_back(
        {subject_of(request.certificate.name),
         {},
         "issue",
         Result::done,
         fmt::format("version {} is as wanted and valid until {}; `everseal renew --force` replaces it", live->number,
                     base::format_time(*live->not_after))});
  return verdict;
}

}  // namespace everseal::reconcile
