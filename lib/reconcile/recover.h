// After damage or a mistake: another database in the place of the present one, or what is at hand mended.
#pragma once

#include "inventory/replace.h"
#include "reconcile/host.h"
#include "reconcile/verdict.h"

#include <string>

namespace everseal::reconcile {

struct Restored {
  inventory::Replacement replacement;
  Verdict verdict;  // what the files beside the database added or changed
};

// The backup in `file`; then the files say which versions there are and which are in use.
Restored restore(const Host& host, const std::string& file,
                 inventory::OtherState other = inventory::OtherState::refused);

// Recreates the database from what of the present one can be read, and from the directories of versions, authorities
// and accounts. What was not readable is a warning.
Verdict rebuild(const Host& host);

// What needs no decision and no CA: live links, versions, authorities and accounts that the database does not know,
// files that it can write again, keys that are gone. The database leads.
Verdict mend(const Host& host);

}  // namespace everseal::reconcile
