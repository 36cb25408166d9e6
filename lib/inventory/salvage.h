// What can still be read of a damaged database.
#pragma once

#include "base/time.h"
#include "sql/database.h"

#include <cstdint>
#include <string>
#include <vector>

namespace everseal::inventory {

struct Salvage {
  std::int64_t rows = 0;
  std::vector<std::string> problems;  // which tables are not whole, and why; printable
};

// Gives the empty database `into` the schema of `from`, then its rows: each table by itself, from both of its ends
// where something in the middle cannot be read, without rows that refer to lost ones or that make no sense; then the
// schema of today. Settings that speak of the files at hand (the config's digest) stay behind. Error(newer) where
// `from` was written by a newer Everseal; errors of `into` are thrown.
Salvage salvage(sql::Database& from, sql::Database& into, base::Time now);

enum class OtherRows { dropped, kept };

// What is so whatever another database of this state says: where something is deployed, which places are still to be
// emptied, and which steps failed. The rows of `from` take the place of those of `into`, which has the schema of today;
// others of `into` stay where a table of `from` cannot be read whole, or on request. Nothing of a schema before 4.
Salvage salvage_standing(sql::Database& from, sql::Database& into, OtherRows others);

}  // namespace everseal::inventory
