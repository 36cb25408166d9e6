// What was found on this host as tables of conf.d, for `discover` and `audit --from`.
#pragma once

#include "audit_surroundings.h"
#include "command.h"
#include "scan/discovery.h"

#include <vector>

namespace everseal::cli {

// Of --from: "nginx", or "nginx=/srv/nginx/nginx.conf". Error(usage) where there is no such server, or none of it here.
std::vector<discover::Server> servers_from(const Arguments& arguments);

// What the files of the sources would become. Error(config) where the config would be wrong with it.
std::vector<config::FoundPlan> plan_found_tables(const reconcile::Host& host, Surroundings& around,
                                                 const scan::Discovery& discovery, const std::string& environment,
                                                 base::Problems& problems);
// Writes them and says what is new, gone and changed.
void save_found_tables(const Context& context, const reconcile::Host& host,
                       const std::vector<config::FoundPlan>& plans);
std::string_view to_string(config::FoundChange::Kind kind) noexcept;  // "new", "gone", "changed", "kept"

}  // namespace everseal::cli
