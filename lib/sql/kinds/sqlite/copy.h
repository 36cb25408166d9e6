// A consistent copy of a database that is in use.
#pragma once

#include "base/handle.h"

#include <string>

struct sqlite3;

namespace everseal::sql {

// To `path`, 0600 and synced. Error(exists) where something is there; whatever fails leaves nothing.
void copy_database(sqlite3* db, const std::string& file, const std::string& path);
// In memory, all of it. Error(io) where there is not that much.
base::FileDescriptor database_in_memory(sqlite3* db, const std::string& file);

}  // namespace everseal::sql
