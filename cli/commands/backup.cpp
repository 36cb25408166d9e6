#include "command.h"

#include "reconcile/verbs/backup.h"

#include <fmt/format.h>

namespace everseal::cli {
namespace {

constexpr Argument kArguments[] = {{.name = "FILE", .summary = "the backup; must not exist yet", .required = true}};

int run(Context& context) {
  const reconcile::Host host = context.host();
  const std::string file = *context.arguments.one("FILE");
  reconcile::backup(host, file);
  if (context.output == Output::json) print_document(fmt::format("{{\"backup\": {}}}\n", base::json_string(file)));
  else if (!context.quiet) print(fmt::format("{}: the database. Private keys and certificates lie beside it in {}; copy that directory too\n", base::printable(file), host.state));
  return 0;
}

}  // namespace

extern const Command backup_command;
const Command backup_command{"backup", Group::care, "write a consistent copy of the database", "Others may work meanwhile.", kArguments, run};

}  // namespace everseal::cli
