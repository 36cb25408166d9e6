#include "reconcile/verbs/deploy.h"

#include "cancel.h"
#include "command.h"

namespace everseal::cli {
namespace {

constexpr Argument kArguments[] = {{.name = "NAME", .field = "name"}, kCancel};

int run(Context& context) { return context.arguments.has("cancel") ? run_cancel(context) : run_verb(context); }

}  // namespace

extern const Command deploy_command;
const Command deploy_command{"deploy",
                             Group::certificates,
                             "put the newest version in place again, now",
                             "Also ends the hold of a manual rollback.",
                             kArguments,
                             run,
                             &reconcile::deploy_verb};

}  // namespace everseal::cli
