// A report of before that an audit is held against: only what is new since then counts.
#pragma once

#include "inventory/records.h"

#include <array>
#include <map>
#include <set>
#include <string>

namespace everseal::scan {

class Baseline {
 public:
  // What `audit --format json` wrote. Error(config) with file and line where it is none, is cut off, or is of a newer
  // Everseal.
  static Baseline read(const std::string& path);

  // Did the place break that rule before, no less gravely than now? What is about a certificate is the same finding
  // only where it is about the same one. An address that the report does not know is held against all that it knows of
  // the place's name, as names lead elsewhere from day to day.
  bool holds(const inventory::PlaceRecord& place, const inventory::FindingRecord& finding) const;
  std::size_t size() const noexcept { return gravity_.size(); }

 private:
  // Name, address ("" stands for any), rule, certificate.
  using Key = std::array<std::string, 4>;

  std::map<Key, int> gravity_;                               // of the gravest
  std::set<std::pair<std::string, std::string>> addresses_;  // by name
};

}  // namespace everseal::scan
