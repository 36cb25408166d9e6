// A file that an operator named for a run.
#pragma once

#include "base/encoding.h"

#include <cstddef>
#include <string>

namespace everseal::scan {

// Error(config), whatever stands in the way: what was asked for is wrong, and nothing is looked at.
base::Bytes read_named_file(const std::string& path, std::size_t limit, const std::string& what);

}  // namespace everseal::scan
