#pragma once

#include "reconcile/verb.h"

namespace everseal::reconcile {

struct DeployRequest {
  Name name;
};
// Puts the newest version in place at every target, also where it stands already, and ends a manual rollback's hold.
Verdict deploy(const Host& host, const DeployRequest& request);

extern const Verb deploy_verb;

}  // namespace everseal::reconcile
