// The commented sample config, compiled in.
#pragma once

#include "base/embedded.h"

#include <span>

namespace everseal::cli {

std::span<const base::EmbeddedFile> samples();  // packaging/everseal.toml alone

}  // namespace everseal::cli
