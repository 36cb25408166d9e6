#pragma once

#include "inventory/records.h"
#include "reconcile/verb.h"

#include <optional>

namespace everseal::reconcile {

struct CancelRequest {
  Name name;
  std::optional<inventory::IntentKind> kind;  // absent: whatever was asked for
};
// Withdraws what was asked for and is not done yet. Error(not_found) where there is none of that kind.
Verdict cancel(const Host& host, const CancelRequest& request);

extern const Verb cancel_verb;

}  // namespace everseal::reconcile
