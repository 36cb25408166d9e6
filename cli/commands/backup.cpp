#include "reconcile/verbs/backup.h"

#include "command.h"

#include <fmt/format.h>

namespace everseal::cli {
namespace {

constexpr Argument kBackupArguments[] = {{.name = "FILE", .field = "file"}};

int run_backup(Context& context) {
  const base::Options wanted = request(context);
  const reconcile::Host host = context.host();
  const reconcile::Answer answer = context.command->verb->run(host, wanted);
  if (context.output == Output::json)
    print_document(answer.document);
  else if (!context.quiet)
    print(fmt::format("{}: the database. Private keys and certificates lie beside it in {}; copy that directory too\n",
                      base::printable(*context.arguments.one("FILE")), host.state));
  return 0;
}

}  // namespace

extern const Command backup_command;
const Command backup_command{"backup",
                             Group::care,
                             "write a consistent copy of the database",
                             "Others may work meanwhile.",
                             kBackupArguments,
                             run_backup,
                             &reconcile::backup_verb};

}  // namespace everseal::cli
