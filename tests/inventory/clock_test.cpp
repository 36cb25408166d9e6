#include "inventory/clock.h"

#include "inventory/authorities.h"
#include "inventory/events.h"
#include "inventory/future.h"
#include "inventory/managed.h"
#include "inventory/orders.h"
#include "inventory/subjects.h"
#include "inventory/support.h"

#include <unistd.h>

using namespace everseal;
using namespace everseal::inventory;
using base::Error;
using base::Fault;
using base::MachineClock;
using base::Seconds;

namespace {

constexpr Seconds kMinute{60};
constexpr Seconds kHour{3600};
constexpr Time kBuilt = kNow - 300 * kDay;

// `up` since the boot at the last mark, of which `kNow` is the time.
constexpr Seconds kUp{10 * 86400};
MachineClock machine(Seconds later, const std::string& boot = "a", std::optional<Time> synchronised = std::nullopt) {
  return {.boot_id = boot, .since_boot = kUp + later, .synchronised = synchronised};
}
const ClockMark kMark{kNow, "a", kUp};

std::vector<std::string> actions(Store& store) {
  std::vector<std::string> found;
  Events(store).each({.subject = "store", .limit = -1},
                     [&](const EventRecord& event) { found.push_back(event.action); });
  return found;
}

}  // namespace

TEST_CASE("a clock is believed where something explains what it says") {
  struct Case {
    const char* what;
    ClockFacts facts;
    bool trusted;
    std::string reason = {};  // a part of it
    std::optional<Time> likely = {};
  };
  const Case cases[] = {
      {"the first run", {kNow, kBuilt, machine({})}, true},
      {"a clock that nobody knows anything about", {kNow + 400 * kDay, kBuilt, {}, ClockMark{kNow, "", {}}}, true},
      {"a day later", {kNow + kDay, kBuilt, machine(kDay), kMark}, true},
      {"suspended over the weekend", {kNow + 2 * kDay, kBuilt, machine(2 * kDay), kMark}, true},
      {"a leap of five minutes ahead", {kNow + 5 * kMinute, kBuilt, machine({}), kMark}, true},
      {"a leap of five minutes back", {kNow - 5 * kMinute, kBuilt, machine({}), kMark}, true},
      {"a leap of six minutes back",
       {kNow - 6 * kMinute, kBuilt, machine({}), kMark},
       false,
       "before the last run",
       kNow},
      {"exactly an hour ahead", {kNow + kHour, kBuilt, machine({}), kMark}, true},
      {"an hour and a second ahead",
       {kNow + kHour + Seconds(1), kBuilt, machine({}), kMark},
       false,
       "by the machine's own count",
       kNow},
      {"seven hours ahead after one",
       {kNow + 8 * kHour, kBuilt, machine(kHour), kMark},
       false,
       "own count",
       kNow + kHour},
      {"a virtual machine that was paused for ten hours, before time synchronisation",
       {kNow, kBuilt, machine({}), kMark},
       true},
      {"... and set by it", {kNow + 10 * kHour, kBuilt, machine({}, "a", kNow + 10 * kHour), kMark}, true},
      {"a time service that speaks of another clock",
       {kNow + 10 * kHour, kBuilt, machine({}, "a", kNow), kMark},
       false,
       "own count",
       kNow},
      {"a time service that sets the clock back",
       {kNow - 7 * kHour, kBuilt, machine({}, "a", kNow - 7 * kHour), kMark},
       true},
      {"a dead battery in 1970", {base::from_unix(0), kBuilt, machine({}, "b"), kMark}, false, "was built"},
      {"... whoever vouches for it",
       {base::from_unix(0), kBuilt, machine({}, "b", base::from_unix(0)), kMark},
       false,
       "was built"},
      {"a dead battery in 2099",
       {base::from_unix(4070908800), kBuilt, machine({}, "b"), kMark},
       false,
       "no time service"},
      {"two years ahead after a boot", {kNow + 730 * kDay, kBuilt, machine({}, "b"), kMark}, false, "730 days"},
      {"switched off for a month", {kNow + 30 * kDay, kBuilt, machine({}, "b"), kMark}, true},
      {"switched off for a month and a second",
       {kNow + 30 * kDay + Seconds(1), kBuilt, machine({}, "b"), kMark},
       false},
      {"switched off for half a year, and set by a time service",
       {kNow + 180 * kDay, kBuilt, machine({}, "b", kNow + 180 * kDay), kMark},
       true},
      {"before the last run after a boot",
       {kNow - kDay, kBuilt, machine({}, "b"), kMark},
       false,
       "before the last run"},
      {"a container that may not ask the kernel, a day later", {kNow + kDay, kBuilt, machine(kDay), kMark}, true},
      {"a container without a boot id", {kNow + 400 * kDay, kBuilt, {"", kUp, {}}, kMark}, true},
      {"a machine whose count begins anew under one boot id (a container)",
       {kNow + 5 * kDay, kBuilt, machine(-5 * kDay), kMark},
       true},
      {"a mark of before marks had a count", {kNow + kDay, kBuilt, machine({}), ClockMark{kNow, "", {}}}, true},
      {"as a CA said an hour ago", {kNow + kHour, kBuilt, machine(kHour), {}, kMark}, true},
      {"as a CA said, whatever the last run believed",
       {kNow + kHour, kBuilt, machine(kHour), ClockMark{kNow + 99 * kDay, "a", kUp}, kMark},
       true},
      {"two hours from what a CA said",
       {kNow + 3 * kHour, kBuilt, machine(kHour), {}, kMark},
       false,
       "a CA said",
       kNow + kHour},
      {"two hours behind what a CA said",
       {kNow - kHour, kBuilt, machine(kHour), {}, kMark},
       false,
       "a CA said",
       kNow + kHour},
      {"before what a CA said before the boot",
       {kNow - kHour, kBuilt, machine({}, "b"), {}, kMark},
       false,
       "a CA said"},
  };
  for (const Case& test : cases) {
    CAPTURE(test.what);
    const ClockVerdict verdict = judge(test.facts);
    CHECK(verdict.trusted == test.trusted);
    CHECK(verdict.reason.empty() == test.trusted);
    CHECK(verdict.reason.find(test.reason) != std::string::npos);
    CHECK((verdict.likely == test.likely || test.trusted));
    if (!test.trusted && test.facts.last) CHECK(verdict.since == test.facts.last->wall);
  }
}

TEST_CASE("judging writes nothing") {
  TestState test;
  Events(test.store).add("a.b", "x", {}, kNow);
  Store reader = Store::open(test.path, sql::Access::read_only, kNow);
  CHECK(judge_clock(reader, kNow, kBuilt, machine({})).trusted);
  CHECK_FALSE(judge_clock(reader, kNow - kDay, kBuilt, machine({})).trusted);
  CHECK(actions(test.store).empty());
  CHECK_FALSE(test.store.setting("clock.last"));
}

TEST_CASE("a run with a fast clock neither moves the mark nor locks the state") {
  TestState test;
  Store& store = test.store;
  const auto run = [&](Time now, const MachineClock& of) {
    const ClockVerdict verdict = judge_clock(store, now, kBuilt, of);
    keep_clock(store, verdict, now, of);
    return verdict.trusted;
  };
  CHECK(run(kNow, machine({})));
  for (int i = 0; i < 3; ++i) CHECK_FALSE(run(kNow + 7 * kHour + Seconds(i), machine(kMinute)));
  CHECK(actions(store) == std::vector<std::string>{"clock.distrusted"});
  const Name www = named("www");
  Managed(store).put({.name = www});
  Attempts(store).put({.step = "issue",
                       .subject = "certificate/www",
                       .target = "le",
                       .count = 1,
                       .problem = "the clock of the CA says otherwise",
                       .not_before = kNow + 9 * kHour,
                       .last = kNow + 7 * kHour});
  CHECK(error_of([&] { require_trusted_clock(store, kNow + 7 * kHour, kBuilt, machine(kMinute)); }).fault() ==
        Fault::clock);

  CHECK(run(kNow + 2 * kMinute, machine(2 * kMinute)));
  CHECK(actions(store) == std::vector<std::string>{"clock.distrusted", "clock.went_back"});
  const auto attempt = Attempts(store).find("issue", "certificate/www", "le");
  CHECK(attempt->last == kNow + 2 * kMinute);
  CHECK(attempt->not_before == kNow + 2 * kMinute);
  CHECK(run(kNow + 3 * kMinute, machine(3 * kMinute)));
  CHECK(actions(store).size() == 2);
  CHECK(Events(store).verify().intact());
}

TEST_CASE("a fast clock that was believed is refused behind it, until somebody or a time service says what is right") {
  for (const bool by_hand : {true, false}) {
    CAPTURE(by_hand);
    TestState test;
    Store& store = test.store;
    keep_clock(store, {}, kNow + 20 * kDay, machine({}));
    ClockVerdict verdict = judge_clock(store, kNow, kBuilt, machine(kMinute));
    CHECK_FALSE(verdict.trusted);
    keep_clock(store, verdict, kNow, machine(kMinute));
    const Error error = untrusted_clock(verdict);
    CHECK(error.fault() == Fault::clock);
    CHECK(error.hint().find("--accept-clock") != std::string::npos);
    if (by_hand) {
      accept_clock(store, kNow, machine(kMinute));
      verdict = judge_clock(store, kNow, kBuilt, machine(kMinute));
    } else {
      verdict = judge_clock(store, kNow, kBuilt, machine(kMinute, "a", kNow));
      keep_clock(store, verdict, kNow, machine(kMinute));
    }
    CHECK(verdict.trusted);
    CHECK(actions(store).back() == (by_hand ? "clock.accepted" : "clock.went_back"));
    CHECK(judge_clock(store, kNow + kHour, kBuilt, machine(kMinute + kHour)).trusted);
  }
}

TEST_CASE("a state that an older program locked with an event of the future is opened by accepting the clock") {
  TestState test;
  Events(test.store).add("certificate.failed", "certificate/www", {}, kNow + 3000 * kDay);
  CHECK_FALSE(judge_clock(test.store, kNow, kBuilt, machine({})).trusted);
  accept_clock(test.store, kNow, machine({}));
  CHECK(judge_clock(test.store, kNow, kBuilt, machine({})).trusted);
  EventRecord accepted;
  Events(test.store).each({.subject = "store", .limit = 1}, [&](const EventRecord& event) { accepted = event; });
  CHECK(accepted.detail.find(base::format_time(kNow + 3000 * kDay)) != std::string::npos);
  CHECK(accepted.detail.find(base::format_time(kNow)) != std::string::npos);
}

TEST_CASE("accepting a clock leaves nothing that waits for a future that was none") {
  TestState test;
  Store& store = test.store;
  const Time later = kNow + 27000 * kDay;
  const Name www = named("www"), corp = named("corp");
  const auto certificate = add_certificate(store, {});
  Managed(store).put({.name = www});
  Subjects(store).rest(certificate_subject(www), later);
  Subjects(store).rest(certificate_subject(named("idle")), std::nullopt);
  Versions(store).put({.name = www, .number = 1, .issuer = corp, .created = later});
  Versions(store).put({.name = www, .number = 2, .issuer = corp, .created = kNow - kDay});
  Orders(store).put({.name = www, .version = 1, .issuer = corp, .expires = later, .created = later, .changed = later});
  Deployments(store).put({.owner = www, .target = corp, .attempts = 3, .not_before = later + kDay, .changed = later});
  Deployments(store).put({.owner = www, .target = www, .attempts = 3, .not_before = kNow + kDay, .changed = kNow});
  Attempts(store).put({.step = "s", .subject = "x", .target = "1", .not_before = later, .last = later});
  Attempts(store).put({.step = "s", .subject = "x", .target = "2", .not_before = kNow + kDay, .last = kNow - kDay});
  Attempts(store).put({.step = "s", .subject = "x", .target = "3", .last = later});
  Intents(store).add({.subject = www, .created = later});
  Authorities(store).put({.name = corp, .settings = "{}"});
  Authorities(store).put_crl({.authority = corp, .number = 1, .this_update = later, .next_update = later + kDay});
  Certificates(store).set_revoked(certificate.fingerprint(), later, pki::RevocationReason::superseded);

  accept_clock(store, kNow);
  CHECK(*Subjects(store).look_again(certificate_subject(www)) <= kNow);
  // It may have waited for nothing because of what the clock said.
  CHECK(*Subjects(store).look_again(certificate_subject(named("idle"))) <= kNow);
  CHECK(Versions(store).find(www, 1)->created == kNow);
  CHECK(Versions(store).find(www, 2)->created == kNow - kDay);
  CHECK(Orders(store).find(www, 1)->changed == kNow);
  CHECK(Orders(store).find(www, 1)->expires == later);  // the CA said so
  CHECK(Deployments(store).find(ArtifactKind::version, www, corp)->not_before == kNow);
  CHECK(Deployments(store).find(ArtifactKind::version, www, www)->not_before ==
        kNow + kDay);  // it waits for good reason
  CHECK(Attempts(store).find("s", "x", "1")->not_before == kNow);
  CHECK(Attempts(store).find("s", "x", "2")->not_before == kNow + kDay);
  CHECK(Attempts(store).find("s", "x", "3")->last == kNow);
  CHECK_FALSE(Attempts(store).find("s", "x", "3")->not_before);
  CHECK(Intents(store).open_for(www).front().created == kNow);
  CHECK_FALSE(Authorities(store).find(corp)->crl_dirty);  // nobody was revoked; that its CRL is ahead the CRL says
  CHECK(Certificates(store).find(certificate.fingerprint())->revoked_at == kNow);
  CHECK(actions(store) == std::vector<std::string>{"clock.accepted"});
}

TEST_CASE("what a CA said outlives the run, and marks that cannot be read are none") {
  TestState test;
  note_peer_date(test.store, kNow, machine({}));
  CHECK(judge_clock(test.store, kNow + kHour, kBuilt, machine(kHour)).trusted);
  CHECK_FALSE(judge_clock(test.store, kNow + 9 * kHour, kBuilt, machine(kHour)).trusted);
  for (const char* nonsense : {"", "x", "1 2", "99999999999999999999 1 a", "1 2 3 4", "- - -"}) {
    CAPTURE(nonsense);
    for (const char* key : {"clock.last", "clock.peer", "clock.ahead"}) test.store.set_setting(key, nonsense);
    CHECK(judge_clock(test.store, kNow, kBuilt, machine({})).trusted);
    CHECK_NOTHROW(keep_clock(test.store, {}, kNow, machine({})));
  }
}

TEST_CASE("a CA whose clock is off by days makes ours distrusted, unless somebody knows better") {
  const auto two_days_off = kNow + 2 * kDay;
  {
    TestState test;
    keep_clock(test.store, {}, kNow, machine({}));
    note_peer_date(test.store, two_days_off, machine(kHour));
    const ClockVerdict verdict = judge_clock(test.store, kNow + kHour, kBuilt, machine(kHour));
    CHECK_FALSE(verdict.trusted);
    CHECK(verdict.likely == two_days_off);
    CHECK(judge_clock(test.store, two_days_off, kBuilt, machine(kHour)).trusted);
    // Who accepts the clock as it is has the last word, until the machine is started anew.
    accept_clock(test.store, kNow + kHour, machine(kHour));
    note_peer_date(test.store, two_days_off + kHour, machine(2 * kHour));
    CHECK(judge_clock(test.store, kNow + 2 * kHour, kBuilt, machine(2 * kHour)).trusted);
  }
  {
    TestState test;
    MachineClock vouched = machine(kHour);
    vouched.synchronised = kNow;
    note_peer_date(test.store, two_days_off, vouched);
    CHECK(judge_clock(test.store, kNow, kBuilt, machine(kHour)).trusted);
  }
}

TEST_CASE("what a CA's clock says again is not written again") {
  TestState test;
  note_peer_date(test.store, kNow, machine({}));
  const auto before = test.store.setting("clock.peer");
  note_peer_date(test.store, kNow + kHour, machine(kHour));
  CHECK(test.store.setting("clock.peer") == before);
  note_peer_date(test.store, kNow + 3 * kHour, machine(kHour));
  CHECK(test.store.setting("clock.peer") != before);
}

TEST_CASE("the machine's own clock is read") {
  const MachineClock first = base::read_machine_clock();
  CHECK(first.boot_id.size() == 36);
  REQUIRE(first.since_boot);
  CHECK(first.since_boot->count() > 0);
  const MachineClock second = base::read_machine_clock();
  CHECK(second.boot_id == first.boot_id);
  CHECK(*second.since_boot >= *first.since_boot);
  if (second.synchronised) CHECK(*second.synchronised >= kBuilt);
}
