// What a privileged process may believe: nobody but root and the caller can change it.
#pragma once

#include "base/secret.h"

#include <string>

#include <sys/stat.h>

namespace everseal::base {

// Reads a `..._file` option: "credential:NAME" below $CREDENTIALS_DIRECTORY, or a path that nobody but its owner (root
// or the caller) can read or write. One trailing line end is dropped. Error(config) with the rule that it breaks.
Secret read_secret_file(const std::string& option);

bool is_ours_or_roots(const struct stat& status);

// Throws Error(config) where `path` (followed) or a directory above it could be changed by anyone but root and the
// caller. Files that run code or steer a privileged process pass this first.
void require_trusted(const std::string& path);

}  // namespace everseal::base
