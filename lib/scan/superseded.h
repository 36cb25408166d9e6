// Versions of managed certificates that are still somewhere though a newer one is in use.
#pragma once

#include "audit/compare.h"
#include "inventory/store.h"
#include "pki/digest.h"

#include <optional>

namespace everseal::scan {

// What took the place of `leaf`, with the deployments that should have brought it where that is; nullopt where it is no
// version, the one in use or one made after that.
std::optional<audit::Superseded> superseded_by(inventory::Store& store, const pki::Fingerprint& leaf);

}  // namespace everseal::scan
