// An account at a CA: its key and its URL (RFC 8555 section 7.1.2).
#pragma once

#include "base/secret.h"
#include "pki/signer.h"

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::acme {

struct Account {
  pki::Signer key;
  std::string url;  // what `kid` says; the CA's own text
};

class Client;

enum class Terms { not_agreed, agreed };

// The binding that a CA wants of accounts made elsewhere before (section 7.3.4).
struct ExternalAccount {
  std::string key_id;
  base::Secret mac_key;
  std::string algorithm = "HS256";
};

struct AccountRequest {
  std::vector<std::string> contact;  // URLs: "mailto:ops@example.org"
  Terms terms = Terms::not_agreed;
  const ExternalAccount* external = nullptr;
};

// What the CA says of an account.
struct AccountState {
  std::string url;
  std::string status;  // "valid", "deactivated", "revoked"
  std::vector<std::string> contact;
};

// All throw the CA's problem as an error, and what Client throws.

// The account of this key (onlyReturnExisting, section 7.3.1); nullopt where the CA knows none.
std::optional<AccountState> find_account(Client& client, const pki::Signer& key, std::stop_token stop);
// Makes it; where the CA has one of this key, that one. Error(config) where the CA demands agreement or a binding that
// `request` does not have, before it is asked.
AccountState register_account(Client& client, const pki::Signer& key, const AccountRequest& request,
                              std::stop_token stop);
AccountState fetch_account(Client& client, const Account& account, std::stop_token stop);
AccountState update_contact(Client& client, const Account& account, const std::vector<std::string>& contact,
                            std::stop_token stop);
// The account signs with `new_key` from then on (section 7.3.5). Where the answer is lost, ask with find_account which
// key counts.
void change_key(Client& client, const Account& account, const pki::Signer& new_key, std::stop_token stop);
AccountState deactivate_account(Client& client, const Account& account, std::stop_token stop);

// The JSON Web Key Thumbprint of a public key (RFC 7638), base64url.
std::string thumbprint(const pki::Signer& key);
// TOKEN.THUMBPRINT (RFC 8555 section 8.1).
std::string key_authorization(std::string_view token, const pki::Signer& key);

}  // namespace everseal::acme
