// `--cancel` of the verbs whose wishes are recorded: withdraws what was asked for and is not done yet.
#pragma once

#include "command.h"

namespace everseal::cli {

inline constexpr Argument kCancel{
    .name = "--cancel", .summary = "withdraw what was asked for and is not done yet", .type = ArgumentType::flag};

// Withdraws what the command asked for of its NAMEs, and shows it; the exit code. Error(usage) without names,
// Error(not_found) where nothing waits.
int run_cancel(const Context& context);

}  // namespace everseal::cli
