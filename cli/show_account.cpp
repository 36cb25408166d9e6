#include "show_account.h"

#include "base/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace everseal::cli {
namespace {

bool has_account(const reconcile::AccountView& view) { return !view.account.url.empty(); }
std::string status_of(const reconcile::AccountView& view) { return has_account(view) ? view.account.status : "none"; }

std::string json_of(const reconcile::AccountView& view) {
  nlohmann::ordered_json profiles = nlohmann::ordered_json::object();
  for (const auto& [name, description] : view.directory.profiles) profiles[name] = description.raw();
  const nlohmann::ordered_json document{
      {"issuer", view.account.issuer.text()},
      {"directory", view.account.directory},
      {"url", view.account.url},
      {"status", status_of(view)},
      {"contact", view.account.contact},
      {"created",
       has_account(view) ? nlohmann::ordered_json(base::format_time(view.account.created)) : nlohmann::ordered_json()},
      {"folder", view.folder},
      {"terms_of_service", view.directory.terms_of_service},
      {"profiles", std::move(profiles)}};
  return document.dump(2, ' ', true, nlohmann::json::error_handler_t::replace) + "\n";
}

std::string text_of(const reconcile::AccountView& view) {
  std::string text;
  const auto line = [&](std::string_view what, std::string_view value) {
    if (!value.empty()) text += fmt::format("{:<10} {}\n", what, base::printable(value));
  };
  line("issuer", view.account.issuer.text());
  line("directory", view.account.directory);
  line("account", view.account.url);
  line("status", status_of(view));
  line("contact", base::join(view.account.contact, ", "));
  if (has_account(view)) line("key", view.folder + "/key.pem");
  line("terms", view.directory.terms_of_service);
  for (const auto& [name, description] : view.directory.profiles)
    line("profile", fmt::format("{}: {}", name, description.raw()));
  return text;
}

}  // namespace

int run_account(Context& context, reconcile::AccountAction action) {
  reconcile::AccountRequest request;
  request.issuer = name_argument(context, "ISSUER", "issuer name");
  request.action = action;
  if (context.arguments.has("staging")) request.endpoint = issuer::AcmeEndpoint::staging;
  const reconcile::AccountView view = reconcile::account(context.host(), request);
  context.output == Output::json ? print_document(json_of(view)) : print(text_of(view));
  if (!has_account(view) && !context.quiet)
    note(
        fmt::format("there is no account at {0} yet: `everseal account register {0}`, or the first certificate, makes "
                    "one where `agree_terms = true`\n",
                    request.issuer));
  return 0;
}

}  // namespace everseal::cli
