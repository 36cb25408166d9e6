#include "issuer/account_manifest.h"

#include "base/error.h"
#include "inventory/accounts.h"
#include "inventory/events.h"
#include "net/json.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace everseal::issuer {
namespace {

constexpr std::size_t kLongest = 64 * 1024;

AccountManifest parse(std::string_view json, const std::string& folder) {
  const base::Table table = net::parse_json_object(json, "it");
  const std::string issuer = net::text_at(table, "issuer");
  if (!base::Name::is_valid(issuer)) throw base::Error(base::Fault::corrupt, "'issuer' is no name");
  AccountManifest manifest;
  manifest.account = {.issuer = base::Name::parse(issuer),
                      .directory = net::text_at(table, "directory"),
                      .url = net::text_at(table, "url"),
                      .folder = folder,
                      .contact = net::texts_at(table, "contact"),
                      .status = net::text_at(table, "status"),
                      .created = net::time_at(table, "created").value_or(base::Time{})};
  manifest.thumbprint = net::text_at(table, "thumbprint");
  for (const std::string& text : {manifest.account.directory, manifest.account.url, manifest.account.status})
    if (text.empty()) throw base::Error(base::Fault::corrupt, "'directory', 'url' or 'status' is missing");
  return manifest;
}

}  // namespace

std::string account_folder(const std::string& state, const std::string& folder) {
  return fmt::format("{}/accounts/{}", state, folder);
}

void write(const base::Directory& folder, const AccountManifest& manifest) {
  const inventory::AccountRecord& account = manifest.account;
  const nlohmann::ordered_json json{{"issuer", account.issuer.text()},
                                    {"directory", account.directory},
                                    {"url", account.url},
                                    {"status", account.status},
                                    {"contact", account.contact},
                                    {"created", base::format_time(account.created)},
                                    {"thumbprint", manifest.thumbprint}};
  folder.replace(kAccountManifest,
                 base::as_bytes(json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n"));
}

std::optional<AccountManifest> read_manifest(const std::string& state, const std::string& folder) {
  const auto directory = base::Directory::open_if_exists(account_folder(state, folder));
  const auto text = directory ? directory->read(kAccountManifest, kLongest) : std::nullopt;
  if (!text) return std::nullopt;
  try {
    return parse(base::as_text(*text), folder);
  } catch (const base::Error& error) {
    throw base::Error(base::Fault::corrupt,
                      fmt::format("{}/{}: {}", directory->path(), kAccountManifest, error.message()),
                      "restore it from a backup, or remove it: the CA is asked by the key then");
  }
}

std::optional<AccountManifest> recover_account(inventory::Store& store, const std::string& folder, base::Time now) {
  auto manifest = read_manifest(store.state(), folder);
  if (!manifest) return std::nullopt;
  const inventory::AccountRecord& account = manifest->account;
  inventory::Accounts accounts(store);
  const auto known = accounts.find(account.issuer, account.directory);
  if (known && known->url == account.url && known->status == account.status) return manifest;
  store.transaction([&] {
    accounts.put(account);
    inventory::Events(store).add("account.recovered", account_subject(account.issuer),
                                 {{"directory", account.directory}, {"url", account.url}, {"status", account.status}},
                                 now);
  });
  return manifest;
}

std::string account_subject(const base::Name& issuer) { return "account/" + issuer.text(); }

}  // namespace everseal::issuer
