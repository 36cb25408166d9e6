// The whole store in one file, and back.
#pragma once

#include "base/file.h"
#include "inventory/events.h"
#include "inventory/store.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::inventory {

// Writes a consistent copy of the database, 0600 and durable, that appears under its name only when it is complete.
// Error(exists) where `file` or `file`.partial is there. Keys are not in it: they lie in the state directory.
void backup(Store& store, const std::string& file);

struct Restored {
  std::string replaced;               // where the database that was there is kept; "" where there was none
  std::optional<Anchor> forgotten;    // head of its history, where it could be read
  std::int64_t serials = 0;           // merged, because the backup did not know that they were issued
  std::int64_t revocations = 0;       // merged, because the backup did not know of them
  std::int64_t crls = 0;              // newest CRLs merged, for their numbers
  std::vector<std::string> problems;  // what could not be read to be merged; printable
};

// The name under which a database is kept that another takes the place of: "everseal.db.before-WHY-<UTC>", with a
// number where that second has one already. The names of one `why` sort by time.
std::string name_to_keep(const base::Directory& state, std::string_view why, Time now);

// Puts the backup in `file` in the place of the database: its integrity, its application and its schema are checked
// first, what is there is kept beside it (name_to_keep), and the switch is one rename. Issued serials, revocations and
// CRL numbers that are newer than the backup are merged in before: from the replaced database as far as it can be read,
// and from each authority's crl.der. Numbers of versions in the archive are not given again. Records the event
// "store.restored". The caller holds the reconciler's lock; Error(busy) where another process has the database open.
Restored restore(const std::string& state, const std::string& file, Time now);

}  // namespace everseal::inventory
