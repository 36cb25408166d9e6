// What a rollback by hand holds in use until somebody or something ends that.
#pragma once

#include "inventory/store.h"
#include "reconcile/host.h"

#include <optional>
#include <string>

namespace everseal::reconcile {

// Ends the hold, in the transaction at hand, and says so in the history. The version that was held; nullopt: none was.
std::optional<int> end_hold(inventory::Store& store, const Name& name, Time now);
// The command that tries a failed deployment of `name` again: where a version is held, one that does not end that.
std::string trying_again(inventory::Store& store, const Name& name);
// "the hold on version 3, which a rollback asked for"
std::string describe_hold(int version);

}  // namespace everseal::reconcile
