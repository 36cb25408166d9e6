// account.json, which lies beside the key of an account: what is known of the account where the database was lost or
// taken back to an earlier day.
#pragma once

#include "base/file.h"
#include "inventory/records.h"
#include "inventory/store.h"

#include <optional>
#include <string>

namespace everseal::issuer {

struct AccountManifest {
  inventory::AccountRecord account;
  std::string thumbprint;  // of the account's key (RFC 7638)
};

inline constexpr const char* kAccountManifest = "account.json";

// Where AccountRecord::folder lies: its key and its manifest are in it.
std::string account_folder(const std::string& state, const std::string& folder);

void write(const base::Directory& folder, const AccountManifest& manifest);

// The manifest of accounts/FOLDER; nullopt: there is none. Error(corrupt).
std::optional<AccountManifest> read_manifest(const std::string& state, const std::string& folder);

// The same; from now on the database has the account as it says.
std::optional<AccountManifest> recover_account(inventory::Store& store, const std::string& folder, base::Time now);

// What the history calls the account of an issuer.
std::string account_subject(const base::Name& issuer);

}  // namespace everseal::issuer
