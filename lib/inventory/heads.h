// The heads of the history, told to somebody who keeps them elsewhere: an unkeyed chain proves nothing against who can
// write it anew, but a line in the system's journal, or where that is sent, stays.
#pragma once

#include "inventory/records.h"
#include "inventory/store.h"

#include <functional>
#include <string>

namespace everseal::inventory {

// Tells `journal` both heads as `history --verify --anchor` takes them, where the authorities' chain has grown since
// the last time or a day has passed; otherwise nothing. Called where a run that writes ends.
void tell_heads(Store& store, Time now, const std::function<void(const std::string& line)>& journal);

}  // namespace everseal::inventory
