#include "command.h"

#include "reconcile/verbs/deploy.h"

namespace everseal::cli {
namespace {

constexpr Argument kArguments[] = {{.name = "NAME", .summary = "the certificate", .required = true}};

int run(Context& context) {
  return show(context, reconcile::verify(context.host(), {name_argument(context, "NAME", "certificate name")}));
}

}  // namespace

extern const Command verify_command;
const Command verify_command{"verify", Group::certificates, "look at what the listeners serve, by a handshake", "", kArguments, run};

}  // namespace everseal::cli
