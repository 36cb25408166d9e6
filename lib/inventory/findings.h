// Rules that places break: opened, closed, known of.
#pragma once

#include "inventory/records.h"
#include "inventory/store.h"

#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace everseal::inventory {

struct PlacedFinding {
  FindingRecord finding;
  PlaceRecord place;
  std::optional<AcknowledgementRecord> acknowledgement;  // one that holds, and for so grave a finding
};

class Findings {
 public:
  explicit Findings(Store& store) : store_(store) {}

  // What is open about the place becomes `found`: what stands in both stays, with today's severity and words, what is
  // new is opened, all else is closed but for what `stays`; an empty function: nothing does.
  void replace(std::int64_t place, std::span<const FindingRecord> found,
               const std::function<bool(const FindingRecord&)>& stays, Time now);

  std::vector<FindingRecord> open_at(std::int64_t place);
  // Every open one at a place that is not gone, by place.
  void each_open(Time now, const std::function<void(const PlacedFinding&)>& row);
  // The open ones of a rule at places that are not gone.
  std::vector<PlacedFinding> open_of(std::string_view rule, Time now);
  // The same of those that were open at `when`, with the severity and the words that they had last, and without
  // acknowledgement.
  void each_open_then(Time when, const std::function<void(const PlacedFinding&)>& row);
  // Opened, closed or grown worse since then and until `until`, in the order of their opening.
  void each_changed(Time since, Time until, Time now, const std::function<void(const PlacedFinding&)>& row);

  // Holds for the rule at that place until then; a former one of the same is withdrawn.
  std::int64_t acknowledge(const AcknowledgementRecord& acknowledgement);
  std::optional<AcknowledgementRecord> acknowledgement(const std::string& rule, std::int64_t place, Time now);
  bool withdraw(const std::string& rule, std::int64_t place, Time now);                     // false where there is none
  std::vector<std::pair<AcknowledgementRecord, PlaceRecord>> acknowledgements(Time since);  // that held since then

  // What is open at places that went as of `now` is closed with them.
  void close_gone(Time now);
  // Takes away up to `limit` each of findings closed and acknowledgements that ended before then.
  std::int64_t prune(Time before, int limit);

 private:
  Store& store_;
};

}  // namespace everseal::inventory
