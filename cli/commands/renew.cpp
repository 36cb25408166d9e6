#include "reconcile/verbs/renew.h"

#include "base/error.h"
#include "cancel.h"
#include "command.h"
#include "inventory/managed.h"
#include "reconcile/overview.h"
#include "reconcile/session.h"
#include "reconcile/verbs/plan.h"
#include "show_plan.h"

#include <map>

#include <fmt/format.h>

namespace everseal::cli {
namespace {

constexpr Argument kArguments[] = {
    {.name = "NAME", .summary = "only these, now, whatever their back-off", .type = ArgumentType::values},
    {.name = "--all", .summary = "all of them, now, whatever their back-off", .type = ArgumentType::flag},
    {.name = "--force",
     .summary = "get a new version, due or not, of the NAMEs or of --all",
     .type = ArgumentType::flag},
    kCancel,
    {.name = "--dry-run",
     .summary =
         "say what would be done, try it at the issuer's staging CA, change nothing; with --force also what is not due",
     .type = ArgumentType::flag},
    {.name = "--exit-code",
     .summary = "exit 10 where something was renewed, 11 where renewed and failed",
     .type = ArgumentType::flag},
};

std::vector<base::Name> all_names(const reconcile::Host& host) {
  inventory::Store store = inventory::Store::open(host.state, sql::Access::read_only, host.clock());
  std::vector<base::Name> names;
  for (const inventory::ManagedRecord& record : inventory::Managed(store).all())
    if (!record.orphaned && record.origin != reconcile::kOnce) names.push_back(record.name);
  return names;
}

// "25 certificates: 20 at corp, 5 at letsencrypt"
std::string counted_by_issuer(const reconcile::Host& host) {
  inventory::Store store = inventory::Store::open(host.state, sql::Access::read_only, host.clock());
  std::map<base::Name, int> counts;
  int all = 0;
  for (const reconcile::ManagedCertificate& one : reconcile::managed_certificates(store, host.clock())) {
    if (one.record.orphaned || one.record.origin == reconcile::kOnce || !one.wanted) continue;
    ++all;
    ++counts[one.wanted->issuers.front()];
  }
  std::string text;
  for (const auto& [issuer, count] : counts) text += fmt::format("{}{} at {}", text.empty() ? "" : ", ", count, issuer);
  return fmt::format("{} certificate{}{}{}", all, all == 1 ? "" : "s", text.empty() ? "" : ": ", text);
}

int run(Context& context) {
  reconcile::RenewRequest request;
  for (const std::string& name : context.arguments.all("NAME"))
    request.names.push_back(base::Name::parse(name, "certificate name"));
  if (context.arguments.has("force")) request.force = reconcile::Force::yes;
  if (context.arguments.has("cancel"))
    return run_cancel(context, request.names, inventory::IntentKind::force_renew);
  const reconcile::Host host = context.host();
  if (context.arguments.has("dry-run")) return show_plan(context, reconcile::rehearse(host, request));
  const bool all = context.arguments.has("all");
  if (all && !request.names.empty())
    throw base::Error(base::Fault::usage, "--all and a name contradict each other", "give one of them");
  if (request.force == reconcile::Force::yes && !all && request.names.empty())
    throw base::Error(base::Fault::usage,
                      fmt::format("--force alone would get a new version of {}", counted_by_issuer(host)),
                      "name those that are meant, or say `everseal renew --force --all`");
  if (all) request.names = all_names(host);
  const reconcile::Verdict verdict = reconcile::renew(host, request);
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
    kArguments,
    run};

}  // namespace everseal::cli
