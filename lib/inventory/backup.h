// The whole store in one file.
#pragma once

#include "inventory/store.h"

#include <optional>
#include <string>

namespace everseal::inventory {

// Writes a consistent copy of the database, 0600 and durable, that appears under its name only when it is complete; what
// a killed one left is swept by the next one to that directory. One at a time. Error(exists) where `file` is there. Keys
// are not in it: they lie in the state directory.
void backup(Store& store, const std::string& file);

// What killed backups left in the state. Nothing while one is being made.
void sweep_backups(const std::string& state);

// A copy of today's database in backups/ of the state, where there is none yet; the newest few are kept. One look at a
// name where nothing is to be done. Called when a run has changed something; Error(io) where the disk has no room to
// spare for it.
void keep_daily_copy(Store& store, base::Time now);

// The newest of those copies; nullopt: there is none.
std::optional<std::string> newest_daily_copy(const std::string& state);

}  // namespace everseal::inventory
