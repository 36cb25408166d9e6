#include "reconcile/verbs/account.h"

#include "base/error.h"
#include "base/text.h"
#include "issuer/account_manifest.h"
#include "reconcile/fields.h"
#include "reconcile/reconcile.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace everseal::reconcile {
namespace {

const config::Issuer& require_acme(const config::Settings& config, const Name& name) {
  const auto found = config.issuers.find(name);
  if (found != config.issuers.end() && found->second.type == issuer::kAcme) return found->second;
  std::vector<std::string> known;
  for (const auto& [other, issuer] : config.issuers)
    if (issuer.type == issuer::kAcme) known.push_back(other.text());
  throw base::Error(
      base::Fault::config,
      found == config.issuers.end() ? fmt::format("there is no issuer {}", name)
                                    : fmt::format("the issuer {} is of type {}", name, found->second.type),
      known.empty() ? "accounts belong to issuers of type acme, and the config has none"
                    : fmt::format("accounts belong to issuers of type acme: {}", base::join(known, ", ")));
}

inventory::AccountRecord act(issuer::AcmeCa& ca, AccountAction action, const std::stop_token& stop) {
  switch (action) {
    case AccountAction::make:
      return ca.register_account(stop);
    case AccountAction::show:
      return ca.refresh_account(stop);
    case AccountAction::update:
      return ca.update_contact(stop);
    case AccountAction::rotate_key:
      return ca.rotate_key(stop);
    case AccountAction::deactivate:
      return ca.deactivate(stop);
  }
  throw base::Error(base::Fault::internal, "no such action");
}

}  // namespace

AccountView account(const Host& host, const AccountRequest& request) {
  inventory::Store store = open_store(host, sql::Access::read_write);
  Desired desired(host, store);
  const config::Issuer& issuer = require_acme(desired.config(), request.issuer);
  Session session(host, desired.config(), store);
  store.prove_writable(host.clock());
  issuer::AcmeCa ca(request.issuer, issuer.options, session.surroundings(), request.endpoint);
  return base::within(fmt::format("account at {}", request.issuer), [&] {
    return issuer::naming(request.issuer, [&] {
      const auto known = ca.known_account();
      // Who has none yet wants to read the terms before he makes one.
      const bool look_only = request.action == AccountAction::show && (!known || known->url.empty());
      AccountView view;
      view.directory = ca.client().directory(host.stop);
      view.account.issuer = request.issuer;
      view.account.directory = ca.directory_url();
      if (!look_only) {
        view.account = act(ca, request.action, host.stop);
        view.folder = issuer::account_folder(host.state, view.account.folder);
      }
      ca.remember_directory();
      return view;
    });
  });
}

namespace {

constexpr std::pair<std::string_view, AccountAction> kAccountNamed[] = {{"register", AccountAction::make},
                                                                        {"show", AccountAction::show},
                                                                        {"update", AccountAction::update},
                                                                        {"rotate-key", AccountAction::rotate_key},
                                                                        {"deactivate", AccountAction::deactivate}};
constexpr std::string_view kActions[] = {"register", "show", "update", "rotate-key", "deactivate"};

constexpr base::Option kAccountFields[] = {
    {.name = "issuer", .summary = "an [issuer.NAME] of type acme", .required = true},
    {.name = "action",
     .type = base::OptionType::choice,
     .summary = "what is done to the account",
     .required = true,
     .choices = kActions},
    {.name = "staging", .type = base::OptionType::boolean, .summary = "the account at its staging directory instead"},
};

std::string json_of(const AccountView& view) {
  const bool has_account = !view.account.url.empty();
  nlohmann::ordered_json profiles = nlohmann::ordered_json::object();
  for (const auto& [name, description] : view.directory.profiles) profiles[name] = description.raw();
  const nlohmann::ordered_json document{
      {"issuer", view.account.issuer.text()},
      {"directory", view.account.directory},
      {"url", view.account.url},
      {"status", has_account ? view.account.status : "none"},
      {"contact", view.account.contact},
      {"created",
       has_account ? nlohmann::ordered_json(base::format_time(view.account.created)) : nlohmann::ordered_json()},
      {"folder", view.folder},
      {"terms_of_service", view.directory.terms_of_service},
      {"profiles", std::move(profiles)}};
  return document.dump(2, ' ', true, nlohmann::json::error_handler_t::replace) + "\n";
}

Answer run_account(const Host& host, const base::Options& request) {
  AccountRequest wanted{.issuer = name_in(request, "issuer", "issuer name")};
  for (const auto& [name, action] : kAccountNamed)
    if (request.string("action") == name) wanted.action = action;
  if (request.boolean("staging")) wanted.endpoint = issuer::AcmeEndpoint::staging;
  return {{}, json_of(account(host, wanted))};
}

}  // namespace

const Verb account_verb{"account",      1,          Needs::store, "look after our account at an ACME CA",
                        kAccountFields, run_account};

}  // namespace everseal::reconcile
