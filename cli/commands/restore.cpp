#include "reconcile/verbs/restore.h"

#include "base/text.h"
#include "command.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace everseal::cli {
namespace {

constexpr Argument kRestoreArguments[] = {{.name = "FILE", .field = "file"}};

std::string text_of(const nlohmann::json& restored) {
  const auto said = [&](const char* member) { return base::printable(restored.at(member).get<std::string>()); };
  std::string text = "restored\n";
  if (!restored.at("replaced").get<std::string>().empty())
    text += fmt::format("  the database that was there is kept as {}\n", said("replaced"));
  if (!restored.at("forgotten").is_null()) text += fmt::format("  its history ended with {}\n", said("forgotten"));
  text += fmt::format("  taken over although the backup did not know them: {} serial(s), {} revocation(s)\n",
                      restored.at("serials").get<std::int64_t>(), restored.at("revocations").get<std::int64_t>());
  for (const auto& file : restored.at("files")) {
    text += fmt::format("  {}: {}\n", base::printable(file.at("subject").get<std::string>()),
                        base::printable(file.at("text").get<std::string>()));
    if (!file.at("hint").is_null()) text += fmt::format("    {}\n", base::printable(file.at("hint").get<std::string>()));
  }
  return text + "next: `everseal renew` does what is due by now\n";
}

int run_restore(Context& context) {
  const base::Options wanted = request(context);
  const reconcile::Host host = context.host();
  const reconcile::Answer answer = context.command->verb->run(host, wanted);
  const auto restored = nlohmann::json::parse(answer.document);
  for (const auto& problem : restored.at("problems"))
    note(fmt::format("everseal: {}\n", base::printable(problem.get<std::string>())));
  if (context.output == Output::json)
    print_document(answer.document);
  else if (!context.quiet)
    print(text_of(restored));
  return answer.verdict.exit_code();
}

}  // namespace

extern const Command restore_command;
const Command restore_command{"restore",
                              Group::care,
                              "put a backup in place of the database",
                              "The present database is kept beside it. No revocation is forgotten, and the versions "
                              "and live links on disk are taken\nin as they are.",
                              kRestoreArguments,
                              run_restore,
                              &reconcile::restore_verb};

}  // namespace everseal::cli
