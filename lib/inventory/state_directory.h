// The directory that holds the state: whose it must be, and where its database lies.
#pragma once

#include "base/file.h"

#include <string>
#include <string_view>

namespace everseal::inventory {

inline constexpr const char* kDatabase = "everseal.db";  // in the state directory
std::string database_file(const std::string& state);
// What SQLite made beside it, too. None of it need be there.
void remove_database(const base::Directory& state, std::string_view name);

// Throws Error(not_found) where there is none, Error(denied) where another user owns it or others could change or read
// it, Error(config) on a network file system. The database in it, if any, must belong to the caller too.
void require_state_directory(const std::string& state);
// Makes it (0700) where it is missing, then requires the same.
void make_state_directory(const std::string& state);

}  // namespace everseal::inventory
