#include "reconcile/verbs/ca_crl.h"

#include "inventory/subjects.h"
#include "plan/certificate.h"
#include "reconcile/fields.h"
#include "reconcile/lost.h"
#include "reconcile/reconcile.h"
#include "reconcile/steps.h"

#include <utility>

namespace everseal::reconcile {

namespace {

void accept_loss(Session& session, const Name& name) {
  if (!session.authority_rows.are_revocations_lost(name)) return;
  session.store.transaction([&] {
    session.authority_rows.set_revocations_lost(name, false);
    end_waits(session.store, plan::Revoke::kind, session.now());
    session.events.add("revocations.given_up", authority_subject(name), {}, session.now(), inventory::Chain::ca);
  });
}

}  // namespace

Verdict ca_crl(const Host& host, const Name& name, Loss loss) {
  Run run(host);
  Session session = run.session();
  if (loss == Loss::accepted) accept_loss(session, name);
  auto made = sign_crl(session, name);
  run.store.transaction(
      [&] { inventory::Subjects(run.store).skip_wait(inventory::authority_subject(name), session.now()); });
  Verdict verdict = reconcile_authority(run, name);
  verdict.outcomes.insert(verdict.outcomes.begin(), std::move(*made));
  return verdict;
}

namespace {

constexpr base::Option kCaCrlFields[] = {
    {.name = "name", .summary = "the authority", .required = true},
    {.name = "accept_loss",
     .type = base::OptionType::boolean,
     .summary = "although what it revoked was lost with its database, and no CRL is left that knows it"},
};

Answer run_ca_crl(const Host& host, const base::Options& request) {
  return {ca_crl(host, name_in(request, "name", "authority name"),
                 request.boolean("accept_loss") ? Loss::accepted : Loss::refused)};
}

}  // namespace

const Verb ca_crl_verb{"ca crl", 1, Needs::lease, "sign a fresh CRL and publish it, now", kCaCrlFields, run_ca_crl};

}  // namespace everseal::reconcile
