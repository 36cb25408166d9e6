#include "cancel.h"
#include "command.h"
#include "reconcile/verbs/deploy.h"

namespace everseal::cli {
namespace {

constexpr Argument kArguments[] = {
    {.name = "NAME", .summary = "the certificate", .required = true},
    kCancel,
    {.name = "--to", .summary = "this version; default: the one before the version in use", .value = "VERSION"},
};

int run(Context& context) {
  if (context.arguments.has("cancel"))
    return run_cancel(context, {name_argument(context, "NAME", "certificate name")}, inventory::IntentKind::rollback);
  reconcile::RollbackRequest request{name_argument(context, "NAME", "certificate name"), std::nullopt};
  if (const auto text = context.arguments.one("to")) request.to = number_argument(*text, "--to");
  return show(context, reconcile::rollback(context.host(), request));
}

}  // namespace

extern const Command rollback_command;
const Command rollback_command{"rollback",
                               Group::certificates,
                               "go back to an earlier version and stay there",
                               "It stays until `everseal deploy NAME` or a newer version.",
                               kArguments,
                               run};

}  // namespace everseal::cli
