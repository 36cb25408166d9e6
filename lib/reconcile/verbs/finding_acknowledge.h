#pragma once

#include "reconcile/verb.h"

#include <string>

namespace everseal::reconcile {

struct AcknowledgeRequest {
  std::string rule;    // of audit::rules()
  std::string place;   // as reports name it, at one address of it or at all
  std::string reason;  // for who reads the reports
  Time until;          // at most a year from now
};
// What is open of the rule there counts for nothing until then, or until it is graver than it is now. Where that is
// known already, this takes its place, and what differs is told. Error(not_found) where nothing of the kind is open.
Verdict acknowledge_finding(const Host& host, const AcknowledgeRequest& request);

// Takes that back: it counts again. Error(not_found) where nothing holds.
Verdict reopen_finding(const Host& host, const std::string& rule, const std::string& place);

extern const Verb finding_acknowledge_verb;

}  // namespace everseal::reconcile
