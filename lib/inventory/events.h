// The history: two chains of events, each bound to the one before it by its hash.
#pragma once

#include "inventory/records.h"
#include "inventory/store.h"

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace everseal::inventory {

// The head of a chain at a moment, kept outside the database: "ca:N:HASH". "N:HASH" is one of the chain `run`.
struct Anchor {
  Chain chain = Chain::run;
  std::int64_t number = 0;
  std::string hash;
  std::string text() const;
  static std::optional<Anchor> parse(std::string_view text);
};

struct ChainVerdict {
  bool intact = false;
  std::string problem;  // "event 17 was changed", "events 4 to 9 are missing", "the history ends before its anchor"
  std::string note;     // why an anchor proves nothing any more; "" otherwise
  Anchor head;
  std::int64_t checked = 0;  // events
  std::int64_t sealed = 0;   // the number up to which they were pruned; 0: none was
};

struct HistoryVerdict {
  std::array<ChainVerdict, kChains.size()> chains;  // in the order of kChains

  bool intact() const noexcept;
  std::string problem() const;  // of all chains: "chain ca: event 17 was changed"; "" where intact
  const ChainVerdict& of(Chain chain) const noexcept { return chains[static_cast<std::size_t>(chain)]; }
};

struct EventFilter {
  std::string subject;      // exact, or "" for all
  std::int64_t limit = -1;  // the newest ones
};

// hash(n) = SHA-256 over a length-prefixed encoding of hash(n-1), n, when, actor, action, subject and detail, n counted
// in its chain. `run` begins with 32 zero octets, `ca` with SHA-256 of "ca"; that is also the hash of the anchor 0.
// Events of both chains have one order, that of their commits, whatever the clock said; each chain proves its own.
class Events {
 public:
  explicit Events(Store& store) : store_(store) {}

  // Appends within the caller's transaction, or in one of its own. `detail` are keys and values that become a JSON
  // object. Values come from anywhere and are escaped by JSON; none is a secret.
  void add(std::string_view action, const std::string& subject,
           const std::vector<std::pair<std::string, std::string>>& detail, Time now, Chain chain = Chain::run);

  void each(const EventFilter& filter, const std::function<void(const EventRecord&)>& row);      // oldest first
  void each_between(Time from, Time until, const std::function<void(const EventRecord&)>& row);  // `until` not
  std::optional<Time> newest_time();
  Anchor head(Chain chain);
  std::array<Anchor, kChains.size()> heads();
  // Recomputes both chains; the event of each anchor's number must have its hash.
  HistoryVerdict verify(std::span<const Anchor> anchors = {});

  // Takes away the events of `run` that are older than 400 days, and those beyond the newest 500,000, once there are
  // enough of them; the newest thousand stay whatever `now` says. The seal is an event that carries the number and the
  // hash of the last one that went. Gives how many went. Not while the clock is not trusted.
  std::int64_t prune(Time now);

  // Appends what the chain `ca` of another database has after our head, where both are one history up to there. Gives
  // how many came.
  std::int64_t take_over(sql::Database& other);

 private:
  Store& store_;
};

// What the newest event about `subject` did, "" where there is none; of a database from before an update too.
std::string newest_action(sql::Database& database, std::string_view subject);

}  // namespace everseal::inventory
