// What the disk says of what the store knows: what a plan and a listing go by.
#pragma once

#include "inventory/store.h"
#include "plan/certificate.h"

#include <cstdint>
#include <functional>
#include <vector>

namespace everseal::reconcile {

// Of the version in use and of those that were begun, in a few system calls a file; nothing is read. Needs the
// versions, what is wanted and the deployments of `facts`. What the disk does not say is no loss.
void look_at_disk(inventory::Store& store, plan::CertificateFacts& facts, plan::Time now);

// The targets at which artifact `number` was proved, and where it does not stand any more.
std::vector<Name> lost_targets(std::int64_t number, const std::vector<config::Deployment>& wanted,
                               const std::vector<inventory::DeploymentRecord>& records,
                               const std::function<bool(const config::Deployment&)>& stands);

}  // namespace everseal::reconcile
