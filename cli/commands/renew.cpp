#include "reconcile/verbs/renew.h"

#include "base/error.h"
#include "cancel.h"
#include "command.h"
#include "reconcile/plan.h"
#include "show_plan.h"

#include <fmt/format.h>

namespace everseal::cli {
namespace {

constexpr Argument kRenewArguments[] = {
    {.name = "NAME", .field = "names"},
    kCancel,
    {.name = "--dry-run",
     .summary =
         "say what would be done, try it at the issuer's staging CA, change nothing; with --force also what is not due",
     .type = ArgumentType::flag},
    {.name = "--exit-code",
     .summary = "exit 10 where something was renewed, 11 where renewed and failed",
     .type = ArgumentType::flag},
};

int run_renew(Context& context) {
  if (context.arguments.has("cancel")) {
    for (const char* const other : {"force", "dry-run", "all"})
      if (context.arguments.has(other))
        throw base::Error(base::Fault::usage, fmt::format("--cancel and --{} contradict each other", other),
                          "give one of them");
    return run_cancel(context);
  }
  const base::Options wanted = request(context);
  const reconcile::Host host = context.host();
  if (context.arguments.has("dry-run"))
    return show_plan(context, reconcile::rehearse(host, reconcile::renew_request(wanted)));
  const reconcile::Verdict verdict = reconcile::renew_verb.run(host, wanted).verdict;
  const int code = show(context, verdict);
  return context.arguments.has("exit-code") ? verdict.exit_code_of_renewal() : code;
}

}  // namespace

extern const Command renew_command;
const Command renew_command{
    "renew",
    Group::certificates,
    "do what is due: renew, deploy, verify",
    "For cron and systemd timers: with nothing due it costs next to nothing. Exit 0: done or nothing to do;\n"
    "1: all that was tried failed, or an earlier failure stands; 4: some of both; 75: another run is at it.\n\n"
    "  everseal renew\n"
    "  everseal renew www --force",
    kRenewArguments,
    run_renew,
    &reconcile::renew_verb};

}  // namespace everseal::cli
