#pragma once

#include "plan/decision.h"
#include "reconcile/host.h"

#include <string>
#include <vector>

namespace everseal::reconcile {

struct PlannedSubject {
  std::string subject;          // "certificate/www"
  plan::Decision decision;
};
// Decides for the named certificates, or for everything; changes nothing but the table of what the config wants.
std::vector<PlannedSubject> plan(const Host& host, const std::vector<Name>& names);

}  // namespace everseal::reconcile
