#pragma once

#include "plan/decision.h"
#include "reconcile/host.h"
#include "reconcile/verbs/renew.h"
#include "reconcile/verdict.h"

#include <optional>
#include <string>
#include <vector>

namespace everseal::reconcile {

struct PlannedSubject {
  std::string subject;  // "certificate/www"
  plan::Decision decision;
  std::optional<Outcome> rehearsal;  // of rehearse()
};
// Decides for the named certificates, or for everything; changes nothing but the table of what the config wants.
std::vector<PlannedSubject> plan(const Host& host, const std::vector<Name>& names);

// The same, and what `renew` would have issued is tried with a key that is thrown away, as far as that costs nothing:
// at the staging directory of an ACME issuer where it has one.
std::vector<PlannedSubject> rehearse(const Host& host, const RenewRequest& request);

}  // namespace everseal::reconcile
