#pragma once

#include "inventory/store.h"
#include "reconcile/verb.h"

#include <string>

namespace everseal::reconcile {

// A consistent copy of the database in `file`, which must not exist yet. Others may work meanwhile.
void backup(const Host& host, const std::string& file);

// What a run that changed something ends with. That there is no copy of today is a warning, and stops nothing.
void keep_daily_copy(const Host& host, inventory::Store& store);

extern const Verb backup_verb;

}  // namespace everseal::reconcile
