#include "command.h"

#include "inventory/backup.h"
#include "reconcile/reconcile.h"

#include <fmt/format.h>

namespace everseal::cli {
namespace {

constexpr Argument kArguments[] = {{.name = "FILE", .summary = "what `everseal backup` wrote", .required = true}};

int run(Context& context) {
  const reconcile::Host host = context.host();
  const auto lock = reconcile::lock_reconciler(host);
  inventory::restore(host.state, *context.arguments.one("FILE"), host.clock());
  if (context.output == Output::json) print("{\"restored\": true}\n");
  else if (!context.quiet) print("restored; revocations that the backup did not know were kept. `everseal doctor` compares it with the archive\n");
  return 0;
}

}  // namespace

extern const Command restore_command;
const Command restore_command{"restore", Group::care, "put a backup in place of the database",
                              "The present database is kept beside it. No revocation is forgotten.", kArguments, run};

}  // namespace everseal::cli
