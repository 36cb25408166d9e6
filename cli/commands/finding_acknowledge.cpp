#include "reconcile/verbs/finding_acknowledge.h"

#include "command.h"

namespace everseal::cli {
namespace {

constexpr Argument kAcknowledgeArguments[] = {
    {.name = "RULE", .field = "rule"},
    {.name = "PLACE", .field = "place"},
    {.name = "--reason", .value = "TEXT", .field = "reason"},
    {.name = "--until", .value = "30d|DATE", .field = "until"},
};

}  // namespace

extern const Command finding_acknowledge_command;
const Command finding_acknowledge_command{
    "finding acknowledge",
    Group::inventory,
    "say that a finding is known of, and why: it counts no more",
    "Reports show it as known; --fail-on, --changes and the exit code pass over it until its day, a year\n"
    "away at the most, or until it is graver than it is now. Who, why and until when stand in the history\n"
    "and in `everseal audit report`. Without the address an endpoint's name stands for all of them.\n\n"
    "  everseal finding acknowledge expiring a.example.org:443 --until 2027-01-31 \\\n"
    "      --reason 'it is switched off in January'",
    kAcknowledgeArguments,
    run_verb,
    &reconcile::finding_acknowledge_verb};

}  // namespace everseal::cli
