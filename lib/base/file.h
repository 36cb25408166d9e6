// Files that an operator named, and what every module needs to work with files.
#pragma once

#include "base/directory.h"
#include "base/encoding.h"
#include "base/ownership.h"
#include "base/secret.h"
#include "base/secret_file.h"
#include "base/trusted.h"

#include <cstddef>
#include <string>
#include <utility>

namespace everseal::base {

// Reads a file that an operator named: symlinks are followed, but only to a regular file, so that nothing is waited
// for.
// "-" is stdin, and /dev/stdin, /dev/fd/N and /proc/self/fd/N are the descriptors they say, pipes too.
// Error(not_found/io/invalid).
Bytes read_file(const std::string& path, std::size_t limit);
// The same for a file that somebody else has put there, and that may hold a secret: regular files alone.
Secret read_regular_file(const std::string& path, std::size_t limit);
// Writes a file that an operator named, atomically and durable, 0600 where `ownership` does not say otherwise. A
// symlink there is replaced, not followed. What is written to instead: the descriptors that read_file() knows by name,
// devices and named pipes of root or of the caller. Error(denied) for what somebody else has put there: a link, a pipe,
// a device, and as root also a link on the way (open_unled).
void write_file(const std::string& path, BytesView bytes, const Ownership& ownership = {});
// The directory and the name that write_file() would write a file of that path to. Error(not_found/denied/io).
std::pair<Directory, std::string> open_destination(const std::string& path);

}  // namespace everseal::base
