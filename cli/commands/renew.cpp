#include "command.h"

#include "reconcile/verbs/plan.h"
#include "reconcile/verbs/renew.h"
#include "show_plan.h"

namespace everseal::cli {
namespace {

constexpr Argument kArguments[] = {
    {.name = "NAME", .summary = "only these, now, whatever their back-off", .type = ArgumentType::values},
    {.name = "--force", .summary = "get a new version, due or not", .type = ArgumentType::flag},
    {.name = "--dry-run", .summary = "say what would be done, try it at the issuer's staging CA, change nothing", .type = ArgumentType::flag},
    {.name = "--exit-code", .summary = "exit 10 where something was renewed, 11 where renewed and failed", .type = ArgumentType::flag},
};

int run(Context& context) {
  reconcile::RenewRequest request;
  for (const std::string& name : context.arguments.all("NAME")) request.names.push_back(base::Name::parse(name, "certificate name"));
  if (context.arguments.has("force")) request.force = reconcile::Force::yes;
  if (context.arguments.has("dry-run")) return show_plan(context, reconcile::rehearse(context.host(), request));
  const reconcile::Verdict verdict = reconcile::renew(context.host(), request);
  const int code = show(context, verdict);
  return context.arguments.has("exit-code") ? verdict.exit_code_of_renewal() : code;
}

}  // namespace

extern const Command renew_command;
const Command renew_command{"renew", Group::certificates, "do what is due: renew, deploy, verify",
                            "For cron and systemd timers: with nothing due it costs next to nothing. Exit 0: done or nothing to do;\n"
                            "1: all that was tried failed, or an earlier failure stands; 4: some of both; 75: another run is at it.\n\n"
                            "  everseal renew\n"
                            "  everseal renew www --force",
                            kArguments, run};

}  // namespace everseal::cli
