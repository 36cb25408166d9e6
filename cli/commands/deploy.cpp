#include "reconcile/verbs/deploy.h"

#include "cancel.h"
#include "command.h"

namespace everseal::cli {
namespace {

constexpr Argument kDeployArguments[] = {{.name = "NAME", .field = "name"}, kCancel};

int run_deploy(Context& context) { return context.arguments.has("cancel") ? run_cancel(context) : run_verb(context); }

}  // namespace

extern const Command deploy_command;
const Command deploy_command{"deploy",
                             Group::certificates,
                             "put the newest version in place again, now",
                             "Also ends the hold of a manual rollback.",
                             kDeployArguments,
                             run_deploy,
                             &reconcile::deploy_verb};

}  // namespace everseal::cli
