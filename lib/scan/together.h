// What all places of a run show together: findings that no look at one place can tell.
#pragma once

#include "audit/compare.h"
#include "inventory/records.h"
#include "pki/certificate.h"

#include <map>
#include <string>
#include <vector>

namespace everseal::scan {

// For one thread at a time. Criteria that are added outlive it.
class Together {
 public:
  struct At {
    inventory::PlaceRecord place;
    std::vector<audit::Finding> findings;
  };

  // `endpoint`: whose addresses ought to agree; "" where none need to.
  void add(const inventory::PlaceRecord& place, const std::string& endpoint,
           const std::vector<pki::Certificate>& leaves, const audit::Criteria& criteria);
  bool has(const inventory::PlaceRecord& place) const { return places_.contains(place.text()); }
  // By place, in the order of its text.
  std::vector<At> findings();

 private:
  std::map<std::string, inventory::PlaceRecord> places_;  // by text
  audit::Comparison comparison_;
};

}  // namespace everseal::scan
