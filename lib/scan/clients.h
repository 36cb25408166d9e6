// Which managed certificates are for clients.
#pragma once

#include "base/name.h"
#include "config/config.h"

#include <set>

namespace everseal::scan {

// Those whose profile, of the config or built in, says clientAuth. What a CA of others makes of a profile's name is not
// known.
std::set<base::Name> client_certificates(const config::Config& config);

}  // namespace everseal::scan
