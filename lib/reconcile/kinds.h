// The kinds of issuers and deploy targets, as config wants to know them.
#pragma once

#include "config/load.h"
#include "inventory/store.h"

#include <vector>

namespace everseal::reconcile {

// `known_authorities`: those of the store, which a certificate may name as its issuer without any table in the config.
config::Kinds config_kinds(std::vector<base::Name> known_authorities);
std::vector<base::Name> authority_names(inventory::Store& store);
// Every file of the config, checked against what the store knows; `also` are authorities about to be made.
// Error(config) lists all problems.
config::Config read_config(const config::Files& files, inventory::Store& store, std::vector<base::Name> also = {});

}  // namespace everseal::reconcile
