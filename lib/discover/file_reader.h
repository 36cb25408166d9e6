// One open directory's file, read as far as it is worth it. For discover only.
#pragma once

#include "base/handle.h"
#include "discover/found.h"
#include "discover/passwords.h"

#include <cstddef>
#include <string>

#include <sys/stat.h>

namespace everseal::discover {

Trouble too_large(std::uint64_t size, std::size_t limit);  // both in octets
Stamp stamp_of(const struct stat& status) noexcept;

// The file that is open; `file` has its path and its stamp.
void read_file(int descriptor, std::size_t largest, const Passwords& passwords, File& file);

// Opens `name` below `directory` and fills all of `file` but its path. `link_flag` is O_NOFOLLOW or 0.
void read_file_at(int directory, const std::string& name, int link_flag, std::size_t largest,
                  const Passwords& passwords, File& file);

}  // namespace everseal::discover
