// Accounts at ACME CAs.
#pragma once

#include "inventory/records.h"
#include "inventory/store.h"

#include <optional>
#include <string>
#include <vector>

namespace everseal::inventory {

class Accounts {
 public:
  explicit Accounts(Store& store) : store_(store) {}
  std::optional<AccountRecord> find(const Name& issuer, const std::string& directory);
  std::vector<AccountRecord> all();  // by issuer and directory
  void put(const AccountRecord& account);
  void remove(const Name& issuer, const std::string& directory);

 private:
  Store& store_;
};

}  // namespace everseal::inventory
