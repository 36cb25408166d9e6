// The commands of `account`: one argument list, one request, one way to show what came of it.
#pragma once

#include "command.h"
#include "reconcile/verbs/account.h"

namespace everseal::cli {

inline constexpr Argument kAccountArguments[] = {{.name = "ISSUER", .field = "issuer"}, {.field = "action"}};

// Does `action` ("rotate-key") to the account and shows it; the exit code.
int run_account(Context& context, std::string_view action);

}  // namespace everseal::cli
