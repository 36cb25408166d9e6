#include "command.h"
#include "config_problems.h"
#include "show_plan.h"

#include <algorithm>
#include <chrono>

namespace everseal::cli {
namespace {

constexpr Argument kPlanArguments[] = {
    {.name = "NAME", .summary = "only these certificates", .type = ArgumentType::values},
    {.name = "--days", .summary = "only what comes up within this many days", .value = "N"},
};

int run_plan(Context& context) {
  std::vector<base::Name> names;
  for (const std::string& name : context.arguments.all("NAME"))
    names.push_back(base::Name::parse(name, "certificate name"));
  std::optional<std::chrono::days> days;
  if (const auto text = context.arguments.one("days")) days = std::chrono::days(number_argument(*text, "--days"));
  const reconcile::Host host = context.host();
  auto planned = reconcile::plan(host, names);
  if (days) {
    const base::Time end = host.clock() + *days;
    std::erase_if(planned, [&](const reconcile::PlannedSubject& one) {
      const bool is_wrong =
          std::ranges::find(one.standing, plan::Rule::unreadable, &plan::Reason::rule) != one.standing.end();
      return one.steps.empty() && !is_wrong && one.look_again.value_or(base::Time::max()) > end;
    });
  }
  warn_of_not_read(host);
  std::ranges::stable_sort(planned, {}, [](const auto& one) { return one.look_again.value_or(base::Time::max()); });
  return show_plan(context, planned);
}

}  // namespace

extern const Command plan_command;
const Command plan_command{"plan",
                           Group::certificates,
                           "show what would be done, when and why",
                           "The calendar of coming renewals, the soonest first. Nothing is changed.\n\n"
                           "  everseal plan\n"
                           "  everseal plan --days 14",
                           kPlanArguments,
                           run_plan};

}  // namespace everseal::cli
