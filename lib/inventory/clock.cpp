#include "inventory/clock.h"

#include "base/number.h"
#include "base/text.h"
#include "inventory/events.h"
#include "inventory/future.h"
#include "inventory/subjects.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::inventory {
namespace {

using base::format_time;
using base::MachineClock;
using base::Seconds;

constexpr Seconds kBehind{5 * 60};
constexpr Seconds kUnexplained{3600};
constexpr Seconds kSwitchedOff{30 * 86400};
constexpr Seconds kAgrees{60};
constexpr Seconds kWorthMoving{60};

const std::string kLast = "clock.last";
const std::string kPeer = "clock.peer";
const std::string kAccepted = "clock.accepted";  // by a person
const std::string kAhead = "clock.ahead";        // the latest time at which something was recorded untrusted
// The event was recorded; the time is the clock's when all was last decided again for it.
const std::string kDistrusted = "clock.distrusted";

// "1795000000 812 0a91d910-..."; "-" where the machine's count is unknown.
std::string text_of(const ClockMark& mark) {
  return fmt::format("{} {} {}", base::to_unix(mark.wall),
                     mark.since_boot ? std::to_string(mark.since_boot->count()) : "-", mark.boot_id);
}

// What cannot be read is as good as absent: it was written by hand.
std::optional<ClockMark> mark_in(Store& store, const std::string& key) {
  const auto text = store.setting(key);
  const auto words = base::split(text.value_or(""), ' ');
  const auto wall = base::parse_number<std::int64_t>(words[0]);
  if (!wall || words.size() != 3) return std::nullopt;
  ClockMark mark{base::from_unix(*wall), words[2], std::nullopt};
  if (const auto count = base::parse_number<std::int64_t>(words[1])) mark.since_boot = Seconds(*count);
  return mark;
}

std::optional<Time> time_in(Store& store, const std::string& key) {
  const auto number = base::parse_number<std::int64_t>(store.setting(key).value_or(""));
  if (!number) return std::nullopt;
  return base::from_unix(*number);
}

// Before this program kept marks, the newest event was one.
std::optional<ClockMark> last_mark(Store& store) {
  if (auto mark = mark_in(store, kLast)) return mark;
  const auto newest = Events(store).newest_time();
  if (!newest) return std::nullopt;
  return ClockMark{*newest, {}, std::nullopt};
}

// What the clock should say now if it was right at `mark`; nullopt where the machine did not count on since then.
std::optional<Time> counted_on(const ClockMark& mark, const MachineClock& machine) {
  if (mark.boot_id.empty() || mark.boot_id != machine.boot_id || !mark.since_boot || !machine.since_boot ||
      *machine.since_boot < *mark.since_boot)
    return std::nullopt;
  return mark.wall + (*machine.since_boot - *mark.since_boot);
}

bool is_within(Time one, Time other, Seconds tolerance) { return one <= other + tolerance && other <= one + tolerance; }

ClockVerdict distrust(std::string reason, const ClockFacts& facts) {
  ClockVerdict verdict{.trusted = false, .reason = std::move(reason), .since = {}, .likely = {}};
  if (!facts.last) return verdict;
  verdict.since = facts.last->wall;
  verdict.likely = counted_on(*facts.last, facts.machine);
  return verdict;
}

std::optional<ClockVerdict> judge_by_peer(const ClockFacts& facts) {
  if (!facts.peer) return std::nullopt;
  const auto expected = counted_on(*facts.peer, facts.machine);
  if (!expected) {
    if (facts.now >= facts.peer->wall - kBehind) return std::nullopt;
    return distrust(fmt::format("the clock says {}, before what a CA said earlier ({})", format_time(facts.now),
                                format_time(facts.peer->wall)),
                    facts);
  }
  if (is_within(facts.now, *expected, kUnexplained)) return ClockVerdict{};
  ClockVerdict verdict = distrust(
      fmt::format("the clock says {}, by what a CA said it is {}", format_time(facts.now), format_time(*expected)),
      facts);
  verdict.likely = expected;
  return verdict;
}

ClockVerdict judge_by_last(const ClockFacts& facts) {
  const ClockMark& last = *facts.last;
  if (facts.now < last.wall - kBehind)
    return distrust(
        fmt::format("the clock says {}, before the last run ({})", format_time(facts.now), format_time(last.wall)),
        facts);
  if (const auto expected = counted_on(last, facts.machine); expected && facts.now > *expected + kUnexplained)
    return distrust(fmt::format("the clock says {}, by the machine's own count since {} it is {}",
                                format_time(facts.now), format_time(last.wall), format_time(*expected)),
                    facts);
  const bool other_boot = !facts.machine.boot_id.empty() && facts.machine.boot_id != last.boot_id;
  if (other_boot && facts.now > last.wall + kSwitchedOff)
    return distrust(
        fmt::format("the clock says {}, {} days after the last run ({}), and no time service vouches for it",
                    format_time(facts.now), (facts.now - last.wall) / Seconds(86400), format_time(last.wall)),
        facts);
  return {};
}

void set_mark(Store& store, const std::string& key, Time wall, const MachineClock& machine) {
  store.set_setting(key, text_of({wall, machine.boot_id, machine.since_boot}));
}

void drop_setting(Store& store, const std::string& key) {
  if (store.setting(key)) store.set_setting(key, "");
}

// The latest time at which something may have been recorded.
std::optional<Time> latest_recorded(Store& store) {
  const auto last = last_mark(store);
  const auto ahead = time_in(store, kAhead);
  if (!last) return ahead;
  return std::max(last->wall, ahead.value_or(last->wall));
}

void believe(Store& store, Time now, const MachineClock& machine) {
  const auto last = mark_in(store, kLast);
  const auto latest = latest_recorded(store);
  const bool went_back = latest && *latest > now + kBehind;
  const bool distrusted = !store.setting(kDistrusted).value_or("").empty();
  const bool moved = !last || last->boot_id != machine.boot_id || !is_within(now, last->wall, kWorthMoving);
  if (!went_back && !distrusted && !moved) return;
  // Lost with the next crash, it is written again by the run after it.
  const auto durability = went_back ? Durability::on_return : Durability::deferred;
  store.transaction(
      [&] {
        if (went_back)
          Events(store).add("clock.went_back", "store",
                            {{"from", format_time(*latest)}, {"clipped", std::to_string(clip_future(store, now))}},
                            now);
        else if (distrusted)
          Events(store).add("clock.trusted", "store", {}, now);
        set_mark(store, kLast, now, machine);
        drop_setting(store, kAhead);
        drop_setting(store, kDistrusted);
      },
      durability);
}

void doubt(Store& store, const ClockVerdict& verdict, Time now) {
  const bool told = !store.setting(kDistrusted).value_or("").empty();
  const auto decided = time_in(store, kDistrusted);
  const auto ahead = time_in(store, kAhead);
  const auto latest = latest_recorded(store);
  const bool later = !ahead || now > *ahead + kWorthMoving;
  // What rests until a time that a later clock gave would not be looked at before.
  const bool went_back = latest && *latest > now + kBehind && (!decided || *decided > now + kBehind);
  if (told && !later && !went_back) return;
  store.transaction([&] {
    if (!told) Events(store).add("clock.distrusted", "store", {{"reason", verdict.reason}}, now);
    if (went_back)
      for (const std::string_view kind : {"certificate", "authority"}) Subjects(store).wake_all(kind, now);
    if (!told || went_back) store.set_setting(kDistrusted, std::to_string(base::to_unix(now)));
    if (later) store.set_setting(kAhead, std::to_string(base::to_unix(now)));
  });
}

}  // namespace

ClockVerdict judge(const ClockFacts& facts) {
  if (facts.now < facts.build_date)
    return distrust(fmt::format("the clock says {}, before this program was built ({})", format_time(facts.now),
                                format_time(facts.build_date)),
                    facts);
  if (facts.machine.synchronised && is_within(facts.now, *facts.machine.synchronised, kAgrees)) return {};
  if (auto verdict = judge_by_peer(facts)) return *verdict;
  if (facts.last) return judge_by_last(facts);
  return {};
}

ClockVerdict judge_clock(Store& store, Time now, Time build_date, const MachineClock& machine) {
  return judge({.now = now,
                .build_date = build_date,
                .machine = machine,
                .last = last_mark(store),
                .peer = mark_in(store, kPeer)});
}

void keep_clock(Store& store, const ClockVerdict& verdict, Time now, const MachineClock& machine) {
  if (verdict.trusted)
    believe(store, now, machine);
  else
    doubt(store, verdict, now);
}

void accept_clock(Store& store, Time now, const MachineClock& machine) {
  store.transaction([&] {
    const auto latest = latest_recorded(store);
    Events(store).add("clock.accepted", "store",
                      {{"from", latest ? format_time(*latest) : ""},
                       {"to", format_time(now)},
                       {"clipped", std::to_string(clip_future(store, now))}},
                      now);
    set_mark(store, kLast, now, machine);
    set_mark(store, kAccepted, now, machine);
    for (const std::string* key : {&kPeer, &kAhead, &kDistrusted}) drop_setting(store, *key);
  });
}

void note_peer_date(Store& store, Time date, const MachineClock& machine) {
  const auto contradicts = [&](const std::optional<Time>& known) {
    return known && !is_within(date, *known, kUnexplained);
  };
  if (contradicts(machine.synchronised)) return;
  if (const auto accepted = mark_in(store, kAccepted); accepted && contradicts(counted_on(*accepted, machine))) return;
  if (const auto known = mark_in(store, kPeer);
      known && known->boot_id == machine.boot_id &&
      is_within(date, counted_on(*known, machine).value_or(known->wall), kWorthMoving))
    return;
  store.transaction([&] { set_mark(store, kPeer, date, machine); }, Durability::deferred);
}

base::Error untrusted_clock(const ClockVerdict& verdict) {
  return base::Error(base::Fault::clock, verdict.reason,
                     "set the clock (`timedatectl status` shows it); where it is right, `everseal doctor "
                     "--accept-clock` says so");
}

void require_trusted_clock(Store& store, Time now, Time build_date, const MachineClock& machine) {
  const ClockVerdict verdict = judge_clock(store, now, build_date, machine);
  if (!verdict.trusted) throw untrusted_clock(verdict);
}

}  // namespace everseal::inventory
