// What the config says about an authority, in the authority's own words.
#pragma once

#include "authority/authority.h"
#include "config/config.h"

namespace everseal::reconcile {

// The built-in profiles and the operator's, policy, URLs, CRL lifetime; the defaults where `name` has no table. Where
// its table is wrong and was never right, what is right of it, with the problem. `config` outlives them.
authority::Settings authority_settings(const config::Settings& config, const base::Name& name);

}  // namespace everseal::reconcile
