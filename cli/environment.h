// The environments that there are, for options that select by one.
#pragma once

#include "config/config.h"
#include "inventory/store.h"
#include "reconcile/host.h"

#include <string>

namespace everseal::cli {

// Error(usage), for --env, where neither the config declares or uses it nor something of the store is of it: nothing
// could ever be selected. `store` null: only the config is asked.
void require_known_environment(const config::Config& config, inventory::Store* store, const std::string& name);
// The same for who reads the store alone: of a config that cannot be read nothing is known, and any will do.
void require_known_environment(const reconcile::Host& host, inventory::Store& store, const std::string& name);

}  // namespace everseal::cli
