// The commands of `account`: one argument list, one request, one way to show what came of it.
#pragma once

#include "command.h"
#include "reconcile/verbs/account.h"

namespace everseal::cli {

inline constexpr Argument kAccountArguments[] = {
    {.name = "ISSUER", .summary = "an [issuer.NAME] of type acme", .required = true},
    {.name = "--staging", .summary = "the account at its staging directory instead", .type = ArgumentType::flag},
};

// Acts and shows the account; the exit code.
int run_account(Context& context, reconcile::AccountAction action);

}  // namespace everseal::cli
