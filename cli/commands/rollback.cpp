#include "reconcile/verbs/rollback.h"

#include "cancel.h"
#include "command.h"

namespace everseal::cli {
namespace {

constexpr Argument kRollbackArguments[] = {
    {.name = "NAME", .field = "name"}, kCancel, {.name = "--to", .value = "VERSION", .field = "to"}};

int run_rollback(Context& context) { return context.arguments.has("cancel") ? run_cancel(context) : run_verb(context); }

}  // namespace

extern const Command rollback_command;
const Command rollback_command{
    "rollback",
    Group::certificates,
    "go back to an earlier version and stay there",
    "It stays until a newer version is issued; `everseal deploy NAME` and --cancel end that sooner.",
    kRollbackArguments,
    run_rollback,
    &reconcile::rollback_verb};

}  // namespace everseal::cli
