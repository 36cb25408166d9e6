#include "reconcile/verbs/verify.h"

#include "base/error.h"
#include "base/time.h"
#include "reconcile/facts.h"
#include "reconcile/fields.h"
#include "reconcile/named.h"
#include "reconcile/reconcile.h"
#include "reconcile/steps.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

namespace everseal::reconcile {
namespace {

using inventory::DeploymentRecord;
using inventory::DeploymentState;

// The step has the name of the state: no look was taken, so none is claimed.
Outcome unverifiable(std::string subject, std::string target, std::string text) {
  return {std::move(subject), std::move(target), "unverifiable", Result::warned, std::move(text)};
}

// What is served is refused all the same: "version 3 is valid from ... on only"; "" where its time is now.
std::string out_of_time(Session& session, const Name& name, bool is_trusted) {
  const auto live = session.versions.live(name);
  if (!live || !live->not_before || !live->not_after) return {};
  const std::string_view by_clock = is_trusted ? "" : ", if the clock is right";
  if (*live->not_before > session.now())
    return fmt::format("version {} is valid from {} on only{}", live->number, base::format_time(*live->not_before),
                       by_clock);
  if (*live->not_after <= session.now())
    return fmt::format("version {} ended {}{}", live->number, base::format_time(*live->not_after), by_clock);
  return {};
}

enum class Listeners { alone, and_what_has_none };

// An outcome for each target that has a listener, or for all, and one where nobody takes what is served.
void verify(Session& session, const Name& name, Listeners which, bool is_clock_trusted, Verdict& verdict) {
  const std::size_t before = verdict.outcomes.size();
  const plan::CertificateFacts facts = certificate_facts(session, name);
  const auto artifact = certificate_artifact(session, name);
  const auto fail = [&](const config::Deployment& target, std::string text) {
    verdict.outcomes.push_back({subject_of(name), target.name.text(), "verify", Result::failed, std::move(text)});
  };
  for (const config::Deployment& target : facts.wanted.deployments) {
    const auto record = std::ranges::find(facts.deployments, target.name, &DeploymentRecord::target);
    if (target.verify.empty() && which == Listeners::alone) continue;
    if (target.verify.empty())
      verdict.outcomes.push_back(
          unverifiable(subject_of(name), target.name.text(),
                       "it names no listener, so nothing shows what is served; `verify` of the deployment names one"));
    else if (record == facts.deployments.end() || record->state == DeploymentState::staged)
      fail(target, "nothing is deployed there");
    else if (record->state == DeploymentState::failed)
      fail(target, record->problem);
    else if (auto outcome = reconcile::verify(session, *artifact, target))
      verdict.outcomes.push_back(std::move(*outcome));
  }
  if (facts.wanted.deployments.empty() && which == Listeners::and_what_has_none)
    verdict.outcomes.push_back(
        unverifiable(subject_of(name), {}, "nothing deploys it here, so nothing shows what is served"));
  if (verdict.outcomes.size() == before) return;
  if (std::string text = out_of_time(session, name, is_clock_trusted); !text.empty())
    verdict.outcomes.push_back(
        {.subject = subject_of(name),
         .target = {},
         .step = "verify",
         .result = Result::failed,
         .text = std::move(text),
         .facts = {.hint = fmt::format("`everseal plan {}` shows what is done about it", name)}});
}

}  // namespace

Verdict verify(const Host& host, const VerifyRequest& request) {
  Run run(host);
  Session session = run.session();
  Verdict verdict;
  for (const Name& name : request.names) {
    require_managed(host, run.store, name);
    verify(session, name, Listeners::and_what_has_none, run.clock.trusted, verdict);
  }
  if (!request.names.empty()) return verdict;
  for (const inventory::ManagedRecord& record : session.managed.all()) {
    try {
      verify(session, record.name, Listeners::alone, run.clock.trusted, verdict);
    } catch (const base::Error& error) {
      if (error.fault() == base::Fault::cancelled) throw;
      verdict.outcomes.push_back(failure(subject_of(record.name), {}, "verify", error));
    }
  }
  if (verdict.outcomes.empty())
    verdict.outcomes.push_back(unverifiable("store", {}, "nothing that is managed names a listener to look at"));
  return verdict;
}

namespace {

constexpr base::Option kVerifyFields[] = {{.name = "names",
                                           .type = base::OptionType::names,
                                           .summary = "these certificates; default: all that have a listener"}};

Answer run_verify(const Host& host, const base::Options& request) {
  return {verify(host, {names_in(request, "names", "certificate name")})};
}

}  // namespace

const Verb verify_verb{"verify",      1,         Needs::lease, "look at what the listeners serve, by a handshake",
                       kVerifyFields, run_verify};

}  // namespace everseal::reconcile
