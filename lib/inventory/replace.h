// Another database takes the place of the present one, which is kept beside it. What the present one, the daily copies
// and the published CRLs know is merged in first, so that no serial and no revocation is forgotten. The switch is one
// rename: a crash leaves the one or the other. The caller holds the reconciler's lock; nobody may have the store open
// (Error(busy) where somebody does not close it within the time of `wait`).
#pragma once

#include "base/file.h"
#include "inventory/events.h"
#include "inventory/store.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::inventory {

struct Replacement {
  std::string replaced;               // where the database that was there is kept; "" where there was none
  std::optional<Anchor> forgotten;    // head of its chain `run`, where that does not go on
  std::int64_t serials = 0;           // merged, because they were not known to be issued
  std::int64_t revocations = 0;       // merged, because they were not known
  std::int64_t crls = 0;              // newest CRLs merged, for their numbers
  std::vector<std::string> problems;  // what could not be read to be merged; printable
  bool whole = false;                 // all that the replaced database knew could be read
  bool is_other_state = false;        // a backup of another one than this
  std::vector<Name> lost;             // authorities of whose revocations nothing whole is left; they sign no CRL
};

// The new database while it grows; a transaction is open.
struct Incoming {
  Store& store;
  Store* present;  // what is replaced, where it can be opened; for reading
};
using TakeIn = std::function<void(const Incoming&)>;

// The name under which a database is kept that another takes the place of: "everseal.db.before-WHY-<UTC>", with a
// number where that second has one already. The names of one `why` sort by time.
std::string name_to_keep(const base::Directory& state, std::string_view why, Time now);

enum class OtherState { refused, accepted };

// The backup in `file`: Error(denied) where it is of another state (kinship.h), unless that is accepted. Its integrity,
// its application and its schema are checked first. `take_in` adds what the files beside the database know, to
// what other databases of this state do. What is deployed where and what failed is as the replaced database knows it,
// where that can be read. Numbers of versions in the archive are not given again, open intents stay open, rollbacks
// hold, and everything is due. Records the event "store.restored".
Replacement restore(const std::string& state, const std::string& file, Time now, const TakeIn& take_in = {},
                    const base::LockWait& wait = kTenSeconds, OtherState other = OtherState::refused);

// A new database with what of the present one can be read, the same merged in. Records "store.rebuilt".
Replacement rebuild(const std::string& state, Time now, const TakeIn& take_in = {},
                    const base::LockWait& wait = kTenSeconds);

// What a killed restore or rebuild left of the new database. The caller holds the reconciler's lock.
void sweep_incoming(const base::Directory& state);

}  // namespace everseal::inventory
