#include "reconcile/verbs/verify.h"

#include "command.h"

namespace everseal::cli {
namespace {

constexpr Argument kVerifyArguments[] = {{.name = "NAME", .field = "names"}};

}  // namespace

extern const Command verify_command;
const Command verify_command{
    "verify", Group::certificates,    "look at what the listeners serve, by a handshake", "", kVerifyArguments,
    run_verb, &reconcile::verify_verb};

}  // namespace everseal::cli
