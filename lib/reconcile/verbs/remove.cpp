#include "reconcile/verbs/remove.h"

#include "base/error.h"
#include "reconcile/fields.h"
#include "reconcile/named.h"
#include "reconcile/reconcile.h"
#include "reconcile/requests.h"
#include "reconcile/steps.h"

#include <fmt/format.h>

namespace everseal::reconcile {

Verdict remove(const Host& host, const RemoveRequest& request) {
  Run run(host);
  require_removable(host, require_managed(host, run.store, request.name));
  inventory::IntentRecord intent;
  intent.kind = inventory::IntentKind::remove;
  intent.subject = request.name;
  intent.revoke = request.certificate == OnRemoval::revoke;
  intent.delete_keys = request.keys == Keys::destroy;
  intent.reason = request.reason;
  intent.created = host.clock();
  bool stands = false;
  run.store.transaction([&] {
    inventory::Managed(run.store).skip_wait(request.name, host.clock());
    inventory::Intents intents(run.store);
    // What an earlier one asked for stays asked for; `--cancel` withdraws it.
    for (const inventory::IntentRecord& earlier : intents.open_for(request.name)) {
      if (earlier.kind != inventory::IntentKind::remove) continue;
      if (earlier.revoke && (!intent.revoke || pki::is_graver(earlier.reason, intent.reason)))
        intent.reason = earlier.reason;
      stands = stands || (earlier.revoke && request.certificate != OnRemoval::revoke);
      intent.revoke = intent.revoke || earlier.revoke;
      intent.delete_keys = intent.delete_keys || earlier.delete_keys;
    }
    intents.add(intent);
    Session session = run.session();
    remember_fragment(session, request.name);
    if (intent.delete_keys) know_targets(session, request.name);
  });
  Verdict verdict = reconcile_certificates(run, {request.name});
  if (stands && !verdict.outcomes.empty())
    verdict.outcomes.back().text += fmt::format(
        "; an earlier removal asked for its revocation, which stands: `everseal remove {} --cancel` withdraws "
        "what is not done yet",
        request.name);
  return verdict;
}

namespace {

constexpr base::Option kRemoveFields[] = {
    {.name = "name", .summary = "the certificate", .required = true},
    {.name = "revoke", .type = base::OptionType::boolean, .summary = "revoke it too"},
    {.name = "reason", .summary = "of the revocation: keyCompromise, cessationOfOperation (default), ..."},
    {.name = "delete_keys", .type = base::OptionType::boolean, .summary = "destroy its private keys too"},
};

Answer run_remove(const Host& host, const base::Options& request) {
  RemoveRequest wanted{.name = name_in(request, "name", "certificate name"),
                       .certificate = request.boolean("revoke") ? OnRemoval::revoke : OnRemoval::leave,
                       .keys = request.boolean("delete_keys") ? Keys::destroy : Keys::keep};
  if (request.has("reason")) {
    if (!request.boolean("revoke"))
      throw base::Error(base::Fault::usage, "--reason is of a revocation", "say --revoke too");
    wanted.reason = reason_in(request, "reason");
  }
  return {remove(host, wanted)};
}

}  // namespace

const Verb remove_verb{"remove", 1, Needs::lease, "stop keeping a certificate alive", kRemoveFields, run_remove};

}  // namespace everseal::reconcile
