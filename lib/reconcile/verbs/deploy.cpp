#include "reconcile/verbs/deploy.h"

#include "reconcile/fields.h"
#include "reconcile/named.h"
#include "reconcile/reconcile.h"

#include <fmt/format.h>

namespace everseal::reconcile {

Verdict deploy(const Host& host, const DeployRequest& request) {
  Run run(host);
  require_kept(host, run.store, require_managed(host, run.store, request.name));
  require_not_leaving(run.store, request.name);
  inventory::Intents(run.store).add(
      {.kind = inventory::IntentKind::deploy, .subject = request.name, .created = host.clock()});
  Verdict verdict = reconcile_certificates(run, {request.name});
  if (verdict.outcomes.empty() &&
      inventory::Deployments(run.store).of(inventory::ArtifactKind::version, request.name).empty())
    verdict.remarks.push_back(
        {"not_deployed", subject_of(request.name), "nothing deploys it: its files are used where they are",
         fmt::format("`everseal issue --as {} --deploy-dir DIR` deploys it from now on", request.name)});
  return verdict;
}

namespace {

constexpr base::Option kDeployFields[] = {{.name = "name", .summary = "the certificate", .required = true}};

Answer run_deploy(const Host& host, const base::Options& request) {
  return {deploy(host, {name_in(request, "name", "certificate name")})};
}

}  // namespace

const Verb deploy_verb{"deploy",      1,         Needs::lease, "put the newest version in place again, now",
                       kDeployFields, run_deploy};

}  // namespace everseal::reconcile
