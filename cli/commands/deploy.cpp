#include "cancel.h"
#include "command.h"

#include "reconcile/verbs/deploy.h"

namespace everseal::cli {
namespace {

constexpr Argument kArguments[] = {{.name = "NAME", .summary = "the certificate", .required = true}, kCancel};

int run(Context& context) {
  if (context.arguments.has("cancel"))
    return run_cancel(context, {name_argument(context, "NAME", "certificate name")}, inventory::IntentKind::deploy);
  return show(context, reconcile::deploy(context.host(), {name_argument(context, "NAME", "certificate name")}));
}

}  // namespace

extern const Command deploy_command;
const Command deploy_command{"deploy", Group::certificates, "put the newest version in place again, now",
                             "Also ends the hold of a manual rollback.", kArguments, run};

}  // namespace everseal::cli
