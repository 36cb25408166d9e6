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
  const inventory::Restored restored = inventory::restore(host.state, *context.arguments.one("FILE"), host.clock());
  for (const std::string& problem : restored.problems) note(fmt::format("everseal: {}\n", problem));
  if (context.output == Output::json) {
    print_document(fmt::format("{{\n  \"replaced\": {},\n  \"forgotten\": {},\n  \"serials\": {},\n  \"revocations\": {}\n}}\n",
                      base::json_string(restored.replaced), restored.forgotten ? base::json_string(restored.forgotten->text()) : "null",
                      restored.serials, restored.revocations));
  } else if (!context.quiet) {
    std::string text = "restored\n";
    if (!restored.replaced.empty()) text += fmt::format("  the database that was there is kept as {}\n", restored.replaced);
    if (restored.forgotten) text += fmt::format("  its history ended with {}\n", restored.forgotten->text());
    text += fmt::format("  taken over although the backup did not know them: {} serial(s), {} revocation(s)\n", restored.serials, restored.revocations);
    print(text + "next: `everseal doctor` compares the database with the archive\n");
  }
  return 0;
}

}  // namespace

extern const Command restore_command;
const Command restore_command{"restore", Group::care, "put a backup in place of the database",
                              "The present database is kept beside it. No revocation is forgotten.", kArguments, run};

}  // namespace everseal::cli
