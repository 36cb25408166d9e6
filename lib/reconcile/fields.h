// Fields of a request that say something of the domain.
#pragma once

#include "base/name.h"
#include "base/options.h"
#include "pki/crl.h"

#include <string_view>
#include <vector>

namespace everseal::reconcile {

// `what` the name is of is for the message: "certificate name". Error(usage).
base::Name name_in(const base::Options& request, std::string_view field, std::string_view what);
std::vector<base::Name> names_in(const base::Options& request, std::string_view field, std::string_view what);
// However it is spelt. Error(usage) with all there are.
pki::RevocationReason reason_in(const base::Options& request, std::string_view field);

}  // namespace everseal::reconcile
