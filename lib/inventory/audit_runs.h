// When was audited what, by which policy.
#pragma once

#include "inventory/records.h"
#include "inventory/store.h"

#include <optional>
#include <string>
#include <vector>

namespace everseal::inventory {

class AuditRuns {
 public:
  explicit AuditRuns(Store& store) : store_(store) {}

  std::int64_t begin(const AuditRunRecord& run);  // its id
  // Of a run that was begun: ended, complete, looked, failed.
  void end(const AuditRunRecord& run);
  // The newest of that scope, but for the run `but`.
  std::optional<AuditRunRecord> last(const std::string& scope, std::int64_t but = 0);
  // The newest that did not begin behind `until`, as under a clock that was ahead.
  std::optional<AuditRunRecord> newest(Time until);
  std::vector<AuditRunRecord> between(Time from, Time until);
  std::int64_t prune(Time before, int limit);

 private:
  Store& store_;
};

}  // namespace everseal::inventory
