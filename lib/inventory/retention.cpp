#include "inventory/retention.h"

#include "inventory/audit_runs.h"
#include "inventory/certificates.h"
#include "inventory/events.h"
#include "inventory/files.h"
#include "inventory/findings.h"
#include "inventory/managed.h"
#include "inventory/places.h"

namespace everseal::inventory {
namespace {

// A transaction each, so that nobody waits long for the database.
constexpr int kAtOnce = 500;
constexpr int kMostTimes = 10;

// Of the audit: each change of what a place showed, the sums of an hour, all else (what an auditor asks for).
constexpr base::Seconds kProbesRemembered{30 * 86400};
constexpr base::Seconds kHoursRemembered{400 * 86400};
constexpr base::Seconds kAuditRemembered{3 * 366 * 86400};

}  // namespace

void prune(Store& store, Time now) {
  const Time before = now - kRemembered;
  Events(store).prune(now);
  for (int count = 0; count < kMostTimes; ++count)
    if (Certificates(store).prune(before, kAtOnce) < kAtOnce) break;
  Intents(store).prune(before, kAtOnce);
  for (int count = 0; count < kMostTimes; ++count)
    if (Places(store).prune(now - kProbesRemembered, now - kHoursRemembered, now - kAuditRemembered, kAtOnce) == 0)
      break;
  Findings(store).prune(now - kAuditRemembered, kAtOnce);
  AuditRuns(store).prune(now - kAuditRemembered, kAtOnce);
  for (int count = 0; count < kMostTimes; ++count)
    if (Files(store).prune(before, kAtOnce) < kAtOnce) break;
}

}  // namespace everseal::inventory
