// A kind of subject: what has steps with outside effects. One file in subjects/ defines `<stem>_subject`.
#pragma once

#include "plan/decision.h"
#include "plan/deployments.h"
#include "reconcile/session.h"
#include "reconcile/verdict.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::reconcile {

// One step of any kind of subject, for people and programs.
struct PlannedStep {
  std::string_view kind;                // "issue", "stage", ...
  std::string text;                     // "issue version 3 at corp"
  std::optional<std::int64_t> version;  // or the CRL's number
  std::string target;                   // deployment's name, or ""
  std::string issuer;                   // or ""
  std::vector<plan::Reason> why;
  plan::Gate gate = plan::Gate::open;
  Time not_before{};     // Time::max(): not by itself
  std::string reason{};  // of a revocation, RFC 5280's word, or ""
};

struct PlannedSubject {
  std::string subject;  // "certificate/www"
  std::vector<PlannedStep> steps;
  std::vector<plan::Reason> standing;
  std::optional<Time> look_again;
  std::optional<Outcome> rehearsal;                 // of rehearse()
  std::optional<int> version{};                     // in use
  std::optional<Time> not_after{};                  // of that, or of an authority's intermediate
  std::optional<Time> renew_at{};                   // when the clock alone renews it
  std::vector<inventory::IntentRecord> requests{};  // that are open
};

// Fills in what a deployment's step is about.
void describe_deployment(const plan::DeploymentAction& action, PlannedStep& step);

template <class Action>
PlannedStep planned_step(const plan::Step<Action>& step) {
  return {.kind = key_of(step.action).step,
          .text = describe(step.action),
          .version = {},
          .target = {},
          .issuer = {},
          .why = step.why,
          .gate = step.gate,
          .not_before = step.not_before};
}

// first: steps that others of the same kind must not wait for (a CRL is signed before anybody publishes his).
enum class Pass { first, whole };

struct SubjectKind {
  std::string_view name;  // SubjectId::kind
  int order;              // of the kinds in a run
  bool has_first_pass;
  // Decides and applies under the subject's lock until nothing may be done now. What fails is recorded and becomes an
  // outcome; throws only Error(cancelled) and what cannot even be recorded.
  Verdict (*run)(Session& session, const Name& name, Pass pass);
  // Decides only. Error where its facts cannot be read.
  PlannedSubject (*plan)(Session& session, const Name& name);
};

// One row for each kind in subjects/.
std::span<const SubjectKind* const> subject_kinds();
const SubjectKind& subject_kind(std::string_view name);  // Error(internal) where there is none

}  // namespace everseal::reconcile
