#include "command.h"

#include "base/error.h"
#include "cancel.h"
#include "reconcile/verbs/revoke.h"

namespace everseal::cli {
namespace {

constexpr Argument kArguments[] = {
    {.name = "NAME", .summary = "the certificate", .required = true},
    {.name = "--revoke", .summary = "revoke it too", .type = ArgumentType::flag},
    {.name = "--reason", .summary = "of the revocation: keyCompromise, cessationOfOperation (default), ...", .value = "REASON"},
    kCancel,
    {.name = "--delete-keys", .summary = "destroy its private keys too", .type = ArgumentType::flag},
};

int run(Context& context) {
  reconcile::RemoveRequest request;
  request.name = name_argument(context, "NAME", "certificate name");
  if (context.arguments.has("cancel")) return run_cancel(context, {request.name}, inventory::IntentKind::remove);
  if (const auto text = context.arguments.one("reason")) {
    if (!context.arguments.has("revoke"))
      throw base::Error(base::Fault::usage, "--reason is of a revocation", "say --revoke too");
    request.reason = reason_argument(*text);
  }
  if (context.arguments.has("revoke")) request.certificate = reconcile::OnRemoval::revoke;
  if (context.arguments.has("delete-keys")) request.keys = reconcile::Keys::destroy;
  return show(context, reconcile::remove(context.host(), request));
}

}  // namespace

extern const Command remove_command;
const Command remove_command{"remove", Group::certificates, "stop keeping a certificate alive",
                             "What is deployed stays where servers read it; its history stays too.", kArguments, run};

}  // namespace everseal::cli
