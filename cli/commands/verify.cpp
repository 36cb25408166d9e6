#include "reconcile/verbs/verify.h"

#include "command.h"

namespace everseal::cli {
namespace {

constexpr Argument kArguments[] = {{.name = "NAME", .field = "names"}};

}  // namespace

extern const Command verify_command;
const Command verify_command{
    "verify", Group::certificates,    "look at what the listeners serve, by a handshake", "", kArguments,
    run_verb, &reconcile::verify_verb};

}  // namespace everseal::cli
