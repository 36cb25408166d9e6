#include "reconcile/subject.h"

#include "base/error.h"
#include "base/overloaded.h"

#include <fmt/format.h>

namespace everseal::reconcile {

const SubjectKind& subject_kind(std::string_view name) {
  for (const SubjectKind* const kind : subject_kinds())
    if (kind->name == name) return *kind;
  throw base::Error(base::Fault::internal, fmt::format("there is no kind of subject {}", name));
}

void describe_deployment(const plan::DeploymentAction& action, PlannedStep& step) {
  step.target = target_of(action).text();
  std::visit(base::Overloaded{
                 [&](const plan::RollBack& s) { step.version = s.to; },
                 [](const plan::Retire&) {},
                 [&](const auto& s) { step.version = s.number; },
             },
             action);
}

}  // namespace everseal::reconcile
