// What is other than it was at the audit before, or at a time, place by place.
#pragma once

#include "inventory/records.h"
#include "inventory/store.h"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace everseal::scan {

struct Difference {
  inventory::PlaceRecord place;
  enum class Presence { stays, appeared, gone } presence = Presence::stays;
  // Where another leaf is shown than then. Of a file's certificates the first that differs.
  std::optional<inventory::CertificateRecord> before, after;
  // What was opened since and is open, and what was open and is not.
  std::vector<inventory::FindingRecord> opened, closed;
  // What was open then and is graver now, and what an acknowledgement that ended no longer covers.
  std::vector<inventory::FindingRecord> worsened, lapsed;

  // Why it matters, in one line: "another certificate, by another issuer: ...". Printable.
  std::string text() const;
  // Did anything get worse? What is gone, opened, graver, or shown for a shorter time counts.
  bool is_worse() const;
};

struct Span {
  base::Time since, until;
  // Acknowledgements that ended earlier and that nobody was told of yet, by their number.
  std::set<std::int64_t> lapsed{};
  std::string environment{};  // of its places alone; "": of all
};

// By place, what is worse first; empty where nothing is other than at the beginning of the span. What came and went
// again in between is nothing.
std::vector<Difference> differences(inventory::Store& store, const Span& span);

// Acknowledgements that ended since the last look at their place: who looks now is the first who can tell.
std::set<std::int64_t> lapsed_since_looked_at(inventory::Store& store, base::Time now);

}  // namespace everseal::scan
