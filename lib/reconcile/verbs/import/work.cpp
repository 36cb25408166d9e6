#include "reconcile/verbs/import/work.h"

#include "base/error.h"

namespace everseal::reconcile {

void require_going_on(const Host& host) {
  if (host.stop.stop_requested())
    throw base::Error(base::Fault::cancelled, "stopped; doing it again goes on from there");
}

void import_alone(ImportReport& report, const std::string& subject, const std::function<void()>& work) {
  try {
    work();
  } catch (const base::Error& error) {
    if (error.fault() == base::Fault::cancelled) throw;
    report.verdict.outcomes.push_back(failure(subject, {}, std::string(kTaken), error));
  }
}

}  // namespace everseal::reconcile
