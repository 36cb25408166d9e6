#include "reconcile/verbs/ca_crl.h"

#include "command.h"

namespace everseal::cli {
namespace {

constexpr Argument kCaCrlArguments[] = {{.name = "NAME", .field = "name"}};

}  // namespace

extern const Command ca_crl_command;
const Command ca_crl_command{"ca crl",
                             Group::authority,
                             "sign a fresh CRL and publish it, now",
                             "`everseal renew` does this by itself when half of the CRL's life is over.",
                             kCaCrlArguments,
                             run_verb,
                             &reconcile::ca_crl_verb};

}  // namespace everseal::cli
