// What the next renewal at an ACME CA will not get past, as the last `audit --dns` found it.
#pragma once

#include "config/config.h"
#include "inventory/store.h"
#include "reconcile/host.h"

#include <map>
#include <string>
#include <vector>

namespace everseal::reconcile {

struct Obstacle {
  std::string name;      // "*.example.org"
  std::string rule;      // of the audit: "caa-issuer"
  std::string severity;  // "warning": only an issuer that is asked when another fails is kept from it
  std::string what;      // printable
  std::string remedy;
  base::Time seen;  // when the DNS was asked last
};

// Read once; the DNS is not asked.
class Obstacles {
 public:
  Obstacles(inventory::Store& store, base::Time now);
  bool empty() const noexcept { return by_name_.empty(); }
  // In the order of its identifiers.
  std::vector<Obstacle> of(const config::Certificate& wanted, const config::Settings& settings) const;

 private:
  std::multimap<std::string, Obstacle> by_name_;
};

// Of one certificate. The config is read for its issuers only where there is an obstacle at all.
std::vector<Obstacle> obstacles_of(const Host& host, inventory::Store& store, const config::Certificate& wanted);

}  // namespace everseal::reconcile
