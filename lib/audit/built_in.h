// The policies of schema/policies, as CMake compiled them in. For audit only.
#pragma once

#include "base/embedded.h"

#include <span>

namespace everseal::audit {

std::span<const base::EmbeddedFile> built_in_policy_files();  // sorted by name

}  // namespace everseal::audit
