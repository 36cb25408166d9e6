// Accounts at ACME CAs, by hand. Administration: no decision waits for it.
#pragma once

#include "inventory/records.h"
#include "issuer/acme_ca.h"
#include "reconcile/verb.h"

#include <map>
#include <string>

namespace everseal::reconcile {

enum class AccountAction { make, show, update, rotate_key, deactivate };

struct AccountRequest {
  Name issuer;
  AccountAction action = AccountAction::show;
  issuer::AcmeEndpoint endpoint = issuer::AcmeEndpoint::production;
};

struct AccountView {
  inventory::AccountRecord account;  // without a URL where there is none yet
  std::string folder;                // where its key lies
  acme::Directory directory;
};

// Error(config) where no issuer of that name speaks ACME, Error(not_found) where there is no account that an action
// other than show needs; and the CA's problems.
AccountView account(const Host& host, const AccountRequest& request);

extern const Verb account_verb;

}  // namespace everseal::reconcile
