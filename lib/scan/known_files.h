// A walk that does not read what an earlier run read and what is unchanged since: that comes from the inventory.
#pragma once

#include "discover/passwords.h"
#include "discover/walk.h"
#include "inventory/store.h"

#include <functional>
#include <stop_token>

namespace everseal::scan {

// discover::walk; `see` gets an unchanged file as it was remembered, and what was read is remembered unless it changed
// too shortly before, cannot be read whole, or holds what nobody added to the inventory. `store` null: all is read.
// `now`: no file is read before then. Throws what the store throws, too.
discover::Summary walk_known(discover::Walk walk, const discover::Passwords& passwords, inventory::Store* store,
                             base::Time now, const std::function<void(discover::File&&)>& see, std::stop_token stop);

}  // namespace everseal::scan
