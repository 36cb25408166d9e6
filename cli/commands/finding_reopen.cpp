#include "reconcile/verbs/finding_reopen.h"

#include "command.h"

namespace everseal::cli {
namespace {

constexpr Argument kReopenArguments[] = {{.name = "RULE", .field = "rule"}, {.name = "PLACE", .field = "place"}};

}  // namespace

extern const Command finding_reopen_command;
const Command finding_reopen_command{"finding reopen",
                                     Group::inventory,
                                     "take an acknowledgement back: the finding counts again",
                                     "`everseal finding list --acknowledged` shows what may be taken back.",
                                     kReopenArguments,
                                     run_verb,
                                     &reconcile::finding_reopen_verb};

}  // namespace everseal::cli
