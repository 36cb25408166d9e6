// What reports look like.
#pragma once

#include "base/embedded.h"

#include <span>

namespace everseal::report {

std::span<const base::EmbeddedFile> styles();  // audit.css alone

}  // namespace everseal::report
