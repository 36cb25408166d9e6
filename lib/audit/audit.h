// The judges: pure functions from what was seen to what is wrong with it.
#pragma once

#include "audit/criteria.h"
#include "audit/finding.h"
#include "audit/policy.h"
#include "audit/rule.h"
#include "audit/sight.h"
#include "base/time.h"

#include <vector>

namespace everseal::audit {

// Every rule that can be judged by what was seen at one place. Thread-safe. Of several addresses of one endpoint: merge
// what each yields.
std::vector<Finding> judge(const Sight& sight, const Criteria& criteria, base::Time now);

}  // namespace everseal::audit
