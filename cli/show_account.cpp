#include "show_account.h"

#include "base/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace everseal::cli {
namespace {

std::string text_of(const nlohmann::ordered_json& account) {
  std::string text;
  const auto line = [&](std::string_view what, const std::string& value) {
    if (!value.empty()) text += fmt::format("{:<10} {}\n", what, base::printable(value));
  };
  const auto said = [&](const char* member) { return account.at(member).get<std::string>(); };
  line("issuer", said("issuer"));
  line("directory", said("directory"));
  line("account", said("url"));
  line("status", said("status"));
  line("contact", base::join(account.at("contact").get<std::vector<std::string>>(), ", "));
  if (!said("url").empty()) line("key", said("folder") + "/key.pem");
  line("terms", said("terms_of_service"));
  for (const auto& [name, description] : account.at("profiles").items())
    line("profile", fmt::format("{}: {}", name, description.get<std::string>()));
  return text;
}

}  // namespace

int run_account(Context& context, std::string_view action) {
  context.arguments.values["action"] = {std::string(action)};
  const base::Options wanted = request(context);
  const reconcile::Host host = context.host();
  const reconcile::Answer answer = context.command->verb->run(host, wanted);
  const auto account = nlohmann::ordered_json::parse(answer.document);
  if (context.output == Output::json)
    print_document(answer.document);
  else
    print(text_of(account));
  if (account.at("url").get<std::string>().empty() && !context.quiet)
    note(
        fmt::format("there is no account at {0} yet: `everseal account register {0}`, or the first certificate, makes "
                    "one where `agree_terms = true`\n",
                    wanted.string("issuer")));
  return 0;
}

}  // namespace everseal::cli
