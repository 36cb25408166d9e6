// Care for the state: what is wrong with it, and how the database is recreated from what lies beside it.
#pragma once

#include "reconcile/host.h"
#include "reconcile/verdict.h"

#include <string>
#include <vector>

namespace everseal::reconcile {

struct Complaint {
  std::string what;    // printable: "the live link of www points at version 4, which is missing"
  std::string remedy;  // what to do
};

// Looks at the directory, the database, the history, archive, authorities, and the accounts that the config uses.
// Changes nothing but left-over temporary files of killed runs, which it removes. Secrets are opened, and closed again.
std::vector<Complaint> examine(const Host& host);

// Recreates the database from the archive's manifests and the directories of authorities and accounts; the present one
// is kept beside it. What only the database knew (history, deployments' states) is gone: deployments are made and
// verified again by the next run.
Verdict rebuild(const Host& host);

}  // namespace everseal::reconcile
