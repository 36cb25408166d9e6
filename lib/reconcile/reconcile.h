// Carries decisions out, one recorded step at a time, until nothing is due. Going on after a crash is the same thing.
#pragma once

#include "base/lock.h"
#include "reconcile/session.h"
#include "reconcile/verdict.h"

#include <optional>
#include <vector>

namespace everseal::reconcile {

// One managed certificate; takes its lock (waits for it). Errors that concern this certificate alone become outcomes.
Verdict reconcile_certificate(Session& session, const Name& name);
// One authority: CRL and publications.
Verdict reconcile_authority(Session& session, const Name& name);

// Held by an agent or by one run at a time. Error(busy) names the holder.
base::FileLock lock_reconciler(const Host& host);

// The config as it is now, and the store's table of managed certificates brought up to date with it. Where no file
// changed since the last time (their digest is known) nothing is parsed until config() is asked for.
class Desired {
 public:
  Desired(const Host& host, inventory::Store& store);
  const config::Config& config();

 private:
  std::vector<config::Source> sources_;
  config::Kinds kinds_;
  std::optional<config::Config> config_;
};

// What every verb begins with: the reconciler's lock, the store, a clock that may be trusted, the config.
struct Run {
  explicit Run(const Host& host);
  const Host& host;
  base::FileLock lock;
  inventory::Store store;
  Desired desired;

  Session session() { return {host, desired.config(), store}; }
};

// Everything that is due, over a bounded pool of workers; failures are isolated.
Verdict reconcile_due(Run& run);
Verdict reconcile_certificates(Run& run, const std::vector<Name>& names);
// The authorities that are due: what was revoked belongs into their CRLs.
Verdict reconcile_authorities(Run& run);

}  // namespace everseal::reconcile
