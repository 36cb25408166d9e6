#include "reconcile/verbs/init.h"

#include "command.h"
#include "sample.h"

namespace everseal::cli {
namespace {

int run_init(Context& context) {
  const int code = show(context, reconcile::init(context.host(MissingConfig::about_to_be_made),
                                                 {.sample_config = samples().front().text}));
  if (!context.quiet && context.output == Output::text)
    note("next: `everseal ca init NAME` makes an internal CA, `everseal issue --help` gets a certificate\n");
  return code;
}

}  // namespace

extern const Command init_command;
const Command init_command{
    "init",
    Group::care,
    "make the state directory, its database and a commented config",
    "What exists is left as it is, so doing it again is harmless. The config is written to the\n"
    "file that --config or $EVERSEAL_CONFIG names, else to /etc/everseal/everseal.toml as root and\n"
    "to ~/.config/everseal/everseal.toml otherwise.\n\n"
    "  everseal init\n"
    "  everseal --config ./everseal.toml --state ./state init",
    {},
    run_init,
    &reconcile::init_verb};

}  // namespace everseal::cli
