// `--cancel` of the verbs whose wishes are recorded: withdraws what was asked for and is not done yet.
#pragma once

#include "command.h"
#include "inventory/records.h"

#include <vector>

namespace everseal::cli {

inline constexpr Argument kCancel{
    .name = "--cancel", .summary = "withdraw what was asked for and is not done yet", .type = ArgumentType::flag};

// Shows what was withdrawn; the exit code. Error(usage) without names, Error(not_found) where nothing waits.
int run_cancel(const Context& context, const std::vector<base::Name>& names, inventory::IntentKind kind);

}  // namespace everseal::cli
