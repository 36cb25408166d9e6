// What SQLite answered, as our errors.
#pragma once

#include "base/error.h"

#include <string>
#include <string_view>

struct sqlite3;

namespace everseal::sql {

// `doing` is "read" or "write" or a longer phrase, `file` the database. `db` may be null.
base::Error sqlite_error(sqlite3* db, int code, std::string_view doing, const std::string& file);
// Error(corrupt) with the way out.
base::Error damaged(const std::string& file, std::string_view found);

}  // namespace everseal::sql
