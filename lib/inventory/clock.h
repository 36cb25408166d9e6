// Whether the wall clock can be believed before something is ordered or signed for its sake. Reading, verifying,
// revoking, CRLs, deployments and rollbacks never ask.
#pragma once

#include "base/error.h"
#include "base/machine_clock.h"
#include "inventory/records.h"
#include "inventory/store.h"

#include <optional>
#include <string>

namespace everseal::inventory {

// When the clock was last believed, and the machine's own count then.
struct ClockMark {
  Time wall;
  std::string boot_id;                      // "" where unknown
  std::optional<base::Seconds> since_boot;  // absent where unknown
};

struct ClockFacts {
  Time now;
  Time build_date;             // no clock is right before it
  base::MachineClock machine;  // of now; empty where nothing is known, as in tests with a clock of their own
  std::optional<ClockMark> last;
  std::optional<ClockMark> peer;  // `wall` is the Date that a CA last gave
};

struct ClockVerdict {
  bool trusted = true;
  std::string reason;          // "" where trusted; "the clock says ..., two days ahead of ..."
  std::optional<Time> since;   // when it was last believed; absent where it never was or is trusted
  std::optional<Time> likely;  // what it should say by the machine's own count since then
};

// The rules, in this order. Before the build date: not trusted. A time service that vouches for `now`: trusted. More
// than an hour from a CA's Date, counted on by the machine since: not trusted, otherwise trusted. More than five
// minutes before the last mark: not trusted. More than an hour ahead of what the machine counted since the last mark:
// not trusted. After another boot, more than 30 days ahead: not trusted, as a machine that was switched off that long
// is rarer than a dead battery. Everything else is trusted.
ClockVerdict judge(const ClockFacts& facts);

// Reads the store's marks and judges by them; writes nothing.
ClockVerdict judge_clock(Store& store, Time now, Time build_date, const base::MachineClock& machine = {});

// At the begin of a run that may write: a trusted `now` is the next mark, and where something was recorded while the
// clock was ahead that is clipped to `now`, with one event. A clock that is not trusted moves no mark; that it is not
// is one event, however many runs see it, and where it went back everything is due once more.
void keep_clock(Store& store, const ClockVerdict& verdict, Time now, const base::MachineClock& machine = {});

// Somebody who can see a watch says that `now` is right: one event, the mark is moved, what lies in the future is
// clipped, and all that waits is decided again.
void accept_clock(Store& store, Time now, const base::MachineClock& machine = {});

// What the clock of a CA shows now, by the Date of an answer that came over TLS. Not kept where it says nothing new,
// and where a time service, or somebody who accepted the clock since the machine was started, contradicts it.
void note_peer_date(Store& store, Time date, const base::MachineClock& machine);

// Error(clock) with what to do.
base::Error untrusted_clock(const ClockVerdict& verdict);
void require_trusted_clock(Store& store, Time now, Time build_date, const base::MachineClock& machine = {});

}  // namespace everseal::inventory
