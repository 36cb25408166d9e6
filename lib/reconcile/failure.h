// A step that failed is remembered: how often, why, and when it is tried again.
#pragma once

#include "base/error.h"
#include "plan/decision.h"
#include "plan/schedule.h"
#include "reconcile/session.h"
#include "reconcile/verdict.h"

#include <exception>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace everseal::reconcile {

// Are they one failure, but for numbers (times, ports, serials) that change from attempt to attempt?
bool is_same_failure(std::string_view one, std::string_view other) noexcept;

// Can only a person, not time, end this failure of a step that fulfils what somebody asked for once?
bool is_permanent(base::Fault fault) noexcept;

// What a fault of ours or of a library throws ends here, too: at its subject.
template <class Work>
void as_error(Work work) {
  try {
    work();
  } catch (const base::Error&) {
    throw;
  } catch (const std::exception& error) {
    throw base::Error(base::Fault::internal, fmt::format("unexpected: {}", error.what()),
                      "this is a mistake in Everseal: please report it");
  }
}

// Counts the failure of that step, with the plan's back-off; the history has one event for each distinct failure.
// `in_use` is the validity of what is in use, as retry_time() wants it.
Outcome record_failure(Session& session, const inventory::SubjectId& subject, const plan::StepKey& key,
                       const base::Error& error, std::optional<plan::Validity> in_use);

}  // namespace everseal::reconcile
