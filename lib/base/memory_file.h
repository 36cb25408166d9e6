#pragma once

#include "base/encoding.h"
#include "base/handle.h"

namespace everseal::base {

// A file in memory that holds `bytes`, to be read from its beginning; `name` is for whoever looks at this process.
// Error(io).
FileDescriptor memory_file(const char* name, BytesView bytes);

}  // namespace everseal::base
