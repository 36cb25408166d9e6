#include "command.h"

#include "reconcile/verbs/recover.h"

#include <fmt/format.h>

namespace everseal::cli {
namespace {

constexpr Argument kArguments[] = {{.name = "FILE", .summary = "what `everseal backup` wrote", .required = true}};

int run(Context& context) {
  const reconcile::Host host = context.host();
  const reconcile::Restored result = reconcile::restore(host, *context.arguments.one("FILE"));
  const inventory::Replacement& restored = result.replacement;
  for (const std::string& problem : restored.problems) note(fmt::format("everseal: {}\n", problem));
  if (context.output == Output::json) {
    std::string problems, files;
    for (const std::string& problem : restored.problems) problems += fmt::format("{}{}", problems.empty() ? "" : ", ", base::json_string(problem));
    for (const reconcile::Outcome& outcome : result.verdict.outcomes)
      files += fmt::format("{}\n    {{\"subject\": {}, \"result\": {}, \"text\": {}}}", files.empty() ? "" : ",", base::json_string(outcome.subject),
                           base::json_string(to_string(outcome.result)), base::json_string(outcome.text));
    print_document(fmt::format("{{\n  \"replaced\": {},\n  \"forgotten\": {},\n  \"serials\": {},\n  \"revocations\": {},\n  \"problems\": [{}],\n  \"files\": [{}{}]\n}}\n",
                      base::json_string(restored.replaced), restored.forgotten ? base::json_string(restored.forgotten->text()) : "null",
                      restored.serials, restored.revocations, problems, files, files.empty() ? "" : "\n  "));
  } else if (!context.quiet) {
    std::string text = "restored\n";
    if (!restored.replaced.empty()) text += fmt::format("  the database that was there is kept as {}\n", restored.replaced);
    if (restored.forgotten) text += fmt::format("  its history ended with {}\n", restored.forgotten->text());
    text += fmt::format("  taken over although the backup did not know them: {} serial(s), {} revocation(s)\n", restored.serials, restored.revocations);
    for (const reconcile::Outcome& outcome : result.verdict.outcomes) text += fmt::format("  {}: {}\n", outcome.subject, base::printable(outcome.text));
    print(text + "next: `everseal renew` does what is due by now\n");
  }
  return result.verdict.exit_code();
}

}  // namespace

extern const Command restore_command;
const Command restore_command{"restore", Group::care, "put a backup in place of the database",
                              "The present database is kept beside it. No revocation is forgotten, and the versions and live links on disk are taken\nin as they are.", kArguments, run};

}  // namespace everseal::cli
