// The kinds of issuers and deploy targets, as config wants to know them.
#pragma once

#include "config/last_good.h"
#include "inventory/store.h"

#include <vector>

namespace everseal::reconcile {

// `known_authorities`: those of the store, which a certificate may name as its issuer without any table in the config.
config::Kinds config_kinds(std::vector<base::Name> known_authorities);
std::vector<base::Name> authority_names(inventory::Store& store);
// Every file of the config, checked against what the store knows; `also` are authorities about to be made. What is
// broken stops itself only (see config::load) and is appended to `problems`. Error(config) that lists all problems
// where the main file cannot be read and never was. Writes nothing.
config::Config read_config(const config::Files& files, inventory::Store& store, base::Problems& problems,
                           std::vector<base::Name> also = {});

config::Memory config_memory(inventory::Store& store);

}  // namespace everseal::reconcile
