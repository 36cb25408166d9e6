#include "reconcile/verbs/ca_crl.h"

#include "reconcile/fields.h"
#include "reconcile/reconcile.h"
#include "reconcile/steps.h"

#include <utility>

namespace everseal::reconcile {

Verdict ca_crl(const Host& host, const Name& name) {
  Run run(host);
  Session session = run.session();
  auto made = sign_crl(session, name);
  Verdict verdict = reconcile_authority(run, name);
  verdict.outcomes.insert(verdict.outcomes.begin(), std::move(*made));
  return verdict;
}

namespace {

constexpr base::Option kFields[] = {{.name = "name", .summary = "the authority", .required = true}};

Answer run(const Host& host, const base::Options& request) {
  return {ca_crl(host, name_in(request, "name", "authority name"))};
}

}  // namespace

const Verb ca_crl_verb{"ca crl", 1, Needs::lease, "sign a fresh CRL and publish it, now", kFields, run};

}  // namespace everseal::reconcile
