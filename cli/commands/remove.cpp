#include "reconcile/verbs/remove.h"

#include "cancel.h"
#include "command.h"

namespace everseal::cli {
namespace {

constexpr Argument kRemoveArguments[] = {
    {.name = "NAME", .field = "name"}, kCancel, {.name = "--reason", .value = "REASON", .field = "reason"}};

int run_remove(Context& context) { return context.arguments.has("cancel") ? run_cancel(context) : run_verb(context); }

}  // namespace

extern const Command remove_command;
const Command remove_command{
    "remove",
    Group::certificates,
    "stop keeping a certificate alive",
    "What is deployed stays where servers read it, but with --delete-keys; its history stays in any case.",
    kRemoveArguments,
    run_remove,
    &reconcile::remove_verb};

}  // namespace everseal::cli
