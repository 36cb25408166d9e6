#include "acme/account.h"

#include "acme/client.h"
#include "base/error.h"
#include "base/text.h"
#include "net/json.h"

#include <fmt/format.h>

namespace everseal::acme {
namespace {

using base::Error;
using base::Fault;

AccountState parse_account(std::string url, std::string_view json) {
  const base::Table table = net::parse_json_object(json, "the account");
  return {std::move(url), net::text_at(table, "status"), net::texts_at(table, "contact")};
}

std::string contact_json(const std::vector<std::string>& contact) {
  std::string json = "[";
  for (const std::string& url : contact) json += (json.size() > 1 ? "," : "") + base::json_string(url);
  return json + "]";
}

AccountState created(const Answer& answer) {
  if (answer.location.empty()) throw Error(Fault::invalid, "the CA did not say where the account is (no Location)");
  return parse_account(answer.location, answer.body);
}

AccountState changed(Client& client, const Account& account, std::string_view payload, std::string_view doing,
                     const std::stop_token& stop) {
  const Reply reply = client.post_again({account.key, account.url}, account.url, payload, stop);
  return parse_account(account.url, reply.require(doing).body);
}

void check_demands(const Directory& directory, const AccountRequest& request) {
  if (!directory.terms_of_service.empty() && request.terms == Terms::not_agreed)
    throw Error(Fault::config, "the CA wants agreement to its terms of service",
                fmt::format("read {} , then set `agree_terms = true` of the issuer",
                            base::printable(directory.terms_of_service)));
  if (directory.external_account_required && request.external == nullptr)
    throw Error(Fault::config,
                "the CA makes accounts only for accounts that exist elsewhere (external account binding)",
                "set `eab_key_id` and `eab_key_file` of the issuer to what the CA gave you");
}

}  // namespace

std::optional<AccountState> find_account(Client& client, const pki::Signer& key, std::stop_token stop) {
  const std::string url = client.directory(stop).new_account;
  const Reply reply = client.post_again({key, ""}, url, R"({"onlyReturnExisting":true})", stop);
  if (reply.problem && reply.problem->is("accountDoesNotExist")) return std::nullopt;
  return created(reply.require("look for the account"));
}

AccountState register_account(Client& client, const pki::Signer& key, const AccountRequest& request,
                              std::stop_token stop) {
  const Directory directory = client.directory(stop);
  check_demands(directory, request);
  std::string payload = "{";
  if (request.terms == Terms::agreed) payload += R"("termsOfServiceAgreed":true,)";
  if (request.external != nullptr)
    payload += fmt::format(R"("externalAccountBinding":{},)",
                           external_account_binding(request.external->key_id, request.external->mac_key,
                                                    request.external->algorithm, directory.new_account, key));
  payload += fmt::format(R"("contact":{}}})", contact_json(request.contact));
  const Reply reply = client.post_again({key, ""}, directory.new_account, payload, stop);
  return created(reply.require("register the account"));
}

AccountState fetch_account(Client& client, const Account& account, std::stop_token stop) {
  return changed(client, account, "", "account", stop);
}

AccountState update_contact(Client& client, const Account& account, const std::vector<std::string>& contact,
                            std::stop_token stop) {
  return changed(client, account, fmt::format(R"({{"contact":{}}})", contact_json(contact)), "update the account",
                 stop);
}

void change_key(Client& client, const Account& account, const pki::Signer& new_key, std::stop_token stop) {
  const std::string url = client.directory(stop).key_change;
  if (url.empty())
    throw Error(
        Fault::denied, "the CA has no key change",
        "where others may have the key, `everseal account deactivate ISSUER` and `account register ISSUER` make "
        "another account");
  const std::string payload =
      fmt::format(R"({{"account":{},"oldKey":{}}})", base::json_string(account.url), jwk(account.key));
  const std::string inner = sign_jws({new_key, ""}, url, "", payload);
  static_cast<void>(client.post({account.key, account.url}, url, inner, stop).require("change the account key"));
}

AccountState deactivate_account(Client& client, const Account& account, std::stop_token stop) {
  return changed(client, account, R"({"status":"deactivated"})", "deactivate the account", stop);
}

}  // namespace everseal::acme
