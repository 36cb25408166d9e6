// Files that an operator named, and what every module needs to work with files.
#pragma once

#include "base/directory.h"
#include "base/encoding.h"
#include "base/ownership.h"
#include "base/secret.h"
#include "base/trusted.h"

#include <cstddef>
#include <string>

namespace everseal::base {

// Reads a file that an operator named: symlinks are followed, "-" is stdin. Error(not_found/io/invalid).
Bytes read_file(const std::string& path, std::size_t limit);
// Reads a file that somebody else has put there: symlinks are followed, but only to a regular file, so that nothing is
// waited for. Error(not_found/io/invalid).
Secret read_regular_file(const std::string& path, std::size_t limit);
// Writes a file that an operator named, atomically and durable, 0600 where `ownership` does not say otherwise. A
// symlink there is replaced, not followed; devices and pipes are written to.
void write_file(const std::string& path, BytesView bytes, const Ownership& ownership = {});

}  // namespace everseal::base
