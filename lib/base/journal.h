// The system's journal: what is kept by others than who can change our files.
#pragma once

#include <string>

namespace everseal::base {

// One line of the facility authpriv, as notice. Nothing happens where the system has no journal. Thread-safe.
void write_journal(const std::string& line);

}  // namespace everseal::base
