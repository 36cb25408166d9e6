// What one configured target needs, for a managed certificate and for an authority's publications alike.
#pragma once

#include "config/config.h"
#include "inventory/records.h"
#include "plan/decision.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace everseal::plan {

// Appends the step that `target` needs so that artifact `number` is served there, if any, and moves `decision.look_again`.
// `against_rollback` is asked when a switched target was probed and does not serve what it should.
void decide_deployment(const config::Deployment& target, std::int64_t number,
                       const std::vector<inventory::DeploymentRecord>& records,
                       const std::function<std::optional<std::string>(const inventory::DeploymentRecord&)>& against_rollback,
                       Time now, Decision& decision);

}  // namespace everseal::plan
