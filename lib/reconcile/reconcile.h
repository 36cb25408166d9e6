// Carries decisions out, one recorded step at a time, until nothing is due. Going on after a crash is the same thing.
#pragma once

#include "inventory/clock.h"
#include "reconcile/access.h"
#include "reconcile/desired.h"
#include "reconcile/session.h"
#include "reconcile/verdict.h"

#include <optional>
#include <vector>

namespace everseal::reconcile {

// Tells the host's journal the heads of the history, where the authorities' chain has grown or a day has passed. Called
// where a verb ends that may have signed or revoked.
void tell_heads(const Host& host, inventory::Store& store);

// What every verb begins with: the lease, the store, what is to be thought of the clock, the config.
struct Run {
  explicit Run(const Host& host);
  const Host& host;
  base::FileLock lock;
  inventory::Store store;
  inventory::ClockVerdict clock;
  Desired desired;

  Session session() { return {host, desired.config(), store}; }
};

// Everything that is due, kind after kind, over a bounded pool of workers and in bounded memory. Any exception ends at
// its subject, as an outcome.
Verdict reconcile_due(Run& run);
// The certificates of these names, due or not; then the authorities that are due, as what was revoked belongs into
// their CRLs.
Verdict reconcile_certificates(Run& run, const std::vector<Name>& names);
Verdict reconcile_authority(Run& run, const Name& name);

}  // namespace everseal::reconcile
