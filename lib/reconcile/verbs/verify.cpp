#include "reconcile/verbs/verify.h"

#include "base/error.h"
#include "reconcile/facts.h"
#include "reconcile/fields.h"
#include "reconcile/named.h"
#include "reconcile/reconcile.h"
#include "reconcile/steps.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::reconcile {
namespace {

using inventory::DeploymentRecord;
using inventory::DeploymentState;

// An outcome for each target that has a listener.
void verify(Session& session, const Name& name, Verdict& verdict) {
  const plan::CertificateFacts facts = certificate_facts(session, name);
  const auto artifact = certificate_artifact(session, name);
  const auto fail = [&](const config::Deployment& target, std::string text) {
    verdict.outcomes.push_back({subject_of(name), target.name.text(), "verify", Result::failed, std::move(text)});
  };
  for (const config::Deployment& target : facts.wanted.deployments) {
    const auto record = std::ranges::find(facts.deployments, target.name, &DeploymentRecord::target);
    if (target.verify.empty()) continue;
    if (record == facts.deployments.end() || record->state == DeploymentState::staged)
      fail(target, "nothing is deployed there");
    else if (record->state == DeploymentState::failed)
      fail(target, record->problem);
    else if (auto outcome = reconcile::verify(session, *artifact, target))
      verdict.outcomes.push_back(std::move(*outcome));
  }
}

}  // namespace

Verdict verify(const Host& host, const VerifyRequest& request) {
  Run run(host);
  Session session = run.session();
  Verdict verdict;
  for (const Name& name : request.names) {
    require_managed(run.store, name);
    const std::size_t before = verdict.outcomes.size();
    verify(session, name, verdict);
    if (verdict.outcomes.size() == before)
      verdict.outcomes.push_back({subject_of(name),
                                  {},
                                  "verify",
                                  Result::warned,
                                  "there is no listener to look at; `verify` of a deployment names one"});
  }
  if (!request.names.empty()) return verdict;
  for (const inventory::ManagedRecord& record : session.managed.all()) {
    try {
      verify(session, record.name, verdict);
    } catch (const base::Error& error) {
      if (error.fault() == base::Fault::cancelled) throw;
      verdict.outcomes.push_back(failure(subject_of(record.name), {}, "verify", error));
    }
  }
  return verdict;
}

namespace {

constexpr base::Option kFields[] = {{.name = "names",
                                     .type = base::OptionType::names,
                                     .summary = "these certificates; default: all that have a listener"}};

Answer run(const Host& host, const base::Options& request) {
  return {verify(host, {names_in(request, "names", "certificate name")})};
}

}  // namespace

const Verb verify_verb{"verify", 1, Needs::lease, "look at what the listeners serve, by a handshake", kFields, run};

}  // namespace everseal::reconcile
