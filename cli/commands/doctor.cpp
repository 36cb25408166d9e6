#include "command.h"

#include "base/text.h"
#include "inventory/clock.h"
#include "reconcile/doctor.h"
#include "reconcile/reconcile.h"

#include <fmt/format.h>

namespace everseal::cli {
namespace {

constexpr Argument kArguments[] = {
    {.name = "--accept-clock",
     .summary = "the clock is right: record that it jumped, and let nothing wait for a future that was none",
     .type = ArgumentType::flag},
    {.name = "--rebuild", .summary = "recreate the database from the archive, the CAs and the accounts beside it", .type = ArgumentType::flag},
};

int accept_clock(const Context& context, const reconcile::Host& host) {
  const auto lock = reconcile::lock_reconciler(host);
  const base::Time now = host.clock();
  inventory::Store store = inventory::Store::open(host.state, sql::Access::read_write, now);
  inventory::accept_clock(store, now, host.machine());
  const auto verdict = inventory::judge_clock(store, now, host.build_date, host.machine());
  if (!verdict.trusted) throw inventory::untrusted_clock(verdict);
  if (context.output == Output::json)
    print(fmt::format("{{\n  \"state\": {},\n  \"complaints\": []\n}}\n", base::json_string(host.state)));
  else if (!context.quiet)
    print(fmt::format("the clock is taken to be right: {}\n", base::format_time(now)));
  return 0;
}

int run(Context& context) {
  const reconcile::Host host = context.host();
  if (context.arguments.has("accept-clock")) return accept_clock(context, host);
  if (context.arguments.has("rebuild")) return show(context, reconcile::rebuild(host));
  const std::vector<reconcile::Complaint> complaints = reconcile::examine(host);
  if (context.output == Output::json) {
    std::string list;
    for (const reconcile::Complaint& one : complaints)
      list += fmt::format("{}\n    {{\"what\": {}, \"remedy\": {}}}", list.empty() ? "" : ",", base::json_string(one.what), base::json_string(one.remedy));
    print_document(fmt::format("{{\n  \"state\": {},\n  \"complaints\": [{}{}]\n}}\n", base::json_string(host.state), list, list.empty() ? "" : "\n  "));
  } else {
    for (const reconcile::Complaint& one : complaints)
      print(fmt::format("{}\n{}", base::printable(one.what), one.remedy.empty() ? "" : fmt::format("  {}\n", base::printable(one.remedy))));
    if (complaints.empty() && !context.quiet) print(fmt::format("{}: database, history, archive, authorities and accounts are sound\n", host.state));
  }
  return complaints.empty() ? 0 : 1;
}

}  // namespace

extern const Command doctor_command;
const Command doctor_command{"doctor", Group::care, "look whether the state is sound, and mend the database",
                             "  everseal doctor\n"
                             "  everseal doctor --rebuild    # after the database was lost; the old one is kept beside it",
                             kArguments, run};

}  // namespace everseal::cli
