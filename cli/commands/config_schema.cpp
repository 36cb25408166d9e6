#include "command.h"
#include "config/schema.h"
#include "reconcile/kinds.h"

namespace everseal::cli {
namespace {

int run_config_schema(Context&) {
  print(config::schema(reconcile::config_kinds({})));
  return 0;
}

}  // namespace

extern const Command config_schema_command;
const Command config_schema_command{"config schema",
                                    Group::care,
                                    "print the config's JSON schema",
                                    "For editors and checkers of TOML; it is that of this program's own kinds.",
                                    {},
                                    run_config_schema};

}  // namespace everseal::cli
