// The history: a hash chain of events.
#pragma once

#include "inventory/records.h"
#include "inventory/store.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace everseal::inventory {

// The head of the chain at a moment, kept outside the database: "N:HASH".
struct Anchor {
  std::int64_t number = 0;
  std::string hash;
  std::string text() const;
  static std::optional<Anchor> parse(std::string_view text);
};

struct HistoryVerdict {
  bool intact = false;
  std::string problem;        // "event 17 was changed", "events 4 to 9 are missing", "the history ends before its anchor"
  Anchor head;
  std::int64_t checked = 0;
};

struct EventFilter {
  std::string subject;        // exact, or "" for all
  std::int64_t limit = -1;    // the newest ones
};

// hash(n) = SHA-256 over a length-prefixed encoding of hash(n-1), n, when, actor, action, subject and detail; the chain
// begins with 32 zero octets, which are also the hash of the anchor 0 of an empty history.
class Events {
 public:
  explicit Events(Store& store) : store_(store) {}

  // Appends within the caller's transaction, or in one of its own. `detail` are keys and values that become a JSON object.
  // Values come from anywhere and are escaped by JSON; none is a secret.
  void add(std::string_view action, const std::string& subject,
           const std::vector<std::pair<std::string, std::string>>& detail, Time now);

  void each(const EventFilter& filter, const std::function<void(const EventRecord&)>& row);  // oldest first
  std::optional<Time> newest_time();
  Anchor head();
  // Recomputes the whole chain; with `anchor`, the event of that number must have that hash.
  HistoryVerdict verify(const std::optional<Anchor>& anchor);

 private:
  Store& store_;
};

}  // namespace everseal::inventory
