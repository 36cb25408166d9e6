// The kinds of issuers and deploy targets, as config wants to know them.
#pragma once

#include "config/config.h"

#include <vector>

namespace everseal::reconcile {

// `known_authorities`: those of the store, which a certificate may name as its issuer without any table in the config.
config::Kinds config_kinds(std::vector<base::Name> known_authorities);

}  // namespace everseal::reconcile
