#include "reconcile/verbs/deploy.h"

#include "base/error.h"
#include "reconcile/facts.h"
#include "reconcile/named.h"
#include "reconcile/reconcile.h"
#include "reconcile/steps.h"

#include <algorithm>
#include <ranges>

#include <fmt/format.h>

namespace everseal::reconcile {
namespace {

using inventory::DeploymentRecord;
using inventory::DeploymentState;
using inventory::IntentKind;

void add_intent(Run& run, IntentKind kind, const Name& name, std::optional<int> version) {
  inventory::IntentRecord intent;
  intent.kind = kind;
  intent.subject = name;
  intent.version = version;
  intent.created = run.host.clock();
  inventory::Intents(run.store).add(intent);
}

int version_to_go_back_to(const plan::CertificateFacts& facts, const RollbackRequest& request, Time now) {
  const plan::VersionFacts* const used = plan::version_in_use(facts, now);
  for (const plan::VersionFacts& version : facts.versions | std::views::reverse) {
    const inventory::VersionRecord& record = version.record;
    if (request.to ? record.number != *request.to : used == nullptr || record.number >= used->record.number) continue;
    const auto refuse = [&](std::string_view why) {
      throw base::Error(base::Fault::denied, fmt::format("version {} of {} {}", record.number, request.name, why),
                        "`everseal renew --force` makes a new version instead");
    };
    if (!record.not_after) refuse("was never completed");
    if (*record.not_after <= now) refuse("has expired");
    if (record.revoked_at) refuse("is revoked");
    if (!record.has_key && facts.key_owner == inventory::KeyOwner::ours) refuse("has no private key any more");
    return record.number;
  }
  if (request.to)
    throw base::Error(base::Fault::not_found, fmt::format("{} has no version {}", request.name, *request.to));
  throw base::Error(base::Fault::denied, fmt::format("{} has no earlier version", request.name));
}

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

Verdict deploy(const Host& host, const DeployRequest& request) {
  Run run(host);
  require_managed(run.store, request.name);
  add_intent(run, IntentKind::deploy, request.name, std::nullopt);
  return reconcile_certificates(run, {request.name});
}

Verdict rollback(const Host& host, const RollbackRequest& request) {
  Run run(host);
  require_managed(run.store, request.name);
  {
    Session session = run.session();
    const int to = version_to_go_back_to(certificate_facts(session, request.name), request, host.clock());
    add_intent(run, IntentKind::rollback, request.name, to);
  }
  return reconcile_certificates(run, {request.name});
}

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

}  // namespace everseal::reconcile
