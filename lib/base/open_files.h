// How many files and connections this process may have open.
#pragma once

#include <cstddef>

namespace everseal::base {

// Raises the soft limit to `needed` where the hard one lets it; never lowers it. Gives how many there may be now.
// Changes the whole process and what it starts.
std::size_t allow_open_files(std::size_t needed) noexcept;

}  // namespace everseal::base
