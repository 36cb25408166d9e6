// Orders at ACME CAs, and when those CAs want their certificates renewed.
#pragma once

#include "inventory/records.h"
#include "inventory/store.h"

#include <optional>
#include <vector>

namespace everseal::inventory {

class Orders {
 public:
  explicit Orders(Store& store) : store_(store) {}
  std::optional<OrderRecord> find(const Name& name, int version);
  // Inserts or replaces. The version was added before.
  void put(const OrderRecord& order);

 private:
  Store& store_;
};

class RenewalInfos {
 public:
  explicit RenewalInfos(Store& store) : store_(store) {}
  std::optional<RenewalInfoRecord> find(const pki::Fingerprint& certificate);
  // Inserts or replaces. The certificate was added before.
  void put(const RenewalInfoRecord& info);

 private:
  Store& store_;
};

}  // namespace everseal::inventory
