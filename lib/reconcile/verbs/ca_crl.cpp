#include "reconcile/verbs/ca_crl.h"

#include "authority/crl.h"
#include "reconcile/fields.h"
#include "reconcile/reconcile.h"

#include <fmt/format.h>

namespace everseal::reconcile {

Verdict ca_crl(const Host& host, const Name& name) {
  Run run(host);
  Session session = run.session();
  authority::refresh_crl(session.authority(name), host.clock());
  Verdict verdict = reconcile_authority(run, name);
  const auto crl = session.authority_rows.newest_crl(name);
  verdict.outcomes.insert(verdict.outcomes.begin(),
                          {authority_subject(name),
                           {},
                           "crl",
                           Result::done,
                           fmt::format("CRL {} is valid until {}", crl->number, base::format_time(crl->next_update))});
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
