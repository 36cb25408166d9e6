#include "inventory/events.h"

#include "inventory/heads.h"
#include "inventory/support.h"
#include "sql/query.h"

#include <nlohmann/json.hpp>

using namespace everseal;
using namespace everseal::inventory;

namespace {

void add_events(Store& store, int count) {
  Events events(store);
  for (int i = 1; i <= count; ++i)
    events.add("certificate.issued", "certificate/n" + std::to_string(i % 3), {{"i", std::to_string(i)}}, kNow);
}

std::vector<std::int64_t> numbers(Store& store, const EventFilter& filter) {
  std::vector<std::int64_t> found;
  Events(store).each(filter, [&](const EventRecord& event) { found.push_back(event.number); });
  return found;
}

}  // namespace

TEST_CASE("an empty history is intact and anchored at zero") {
  TestState test;
  Events events(test.store);
  const Anchor head = events.head(Chain::run);
  CHECK(head.number == 0);
  CHECK(head.hash == std::string(64, '0'));
  CHECK(events.verify(std::array{head}).intact());
  CHECK(events.verify(events.heads()).intact());
  CHECK_FALSE(events.newest_time());
  add_events(test.store, 3);
  CHECK(events.verify(std::array{head}).intact());
}

TEST_CASE("an event says who did what to which thing") {
  TestState test;
  test.store.set_actor("alice");
  Events events(test.store);
  events.add("certificate.issued", "certificate/www", {{"serial", "4f"}, {"names", "a\x1b[31m\"b\xff\n"}}, kNow);
  EventRecord event;
  events.each({}, [&](const EventRecord& row) { event = row; });
  CHECK(event.number == 1);
  CHECK(event.when == kNow);
  CHECK(event.actor == "alice");
  CHECK(event.action == "certificate.issued");
  CHECK(event.subject == "certificate/www");
  CHECK(event.hash == events.head(Chain::run).hash);
  const auto detail = nlohmann::json::parse(event.detail);
  CHECK(detail["serial"] == "4f");
  CHECK(detail["names"] == "a\x1b[31m\"b\uFFFD\n");
  for (const char c : event.detail) CHECK(static_cast<unsigned char>(c) >= 0x20);
  CHECK(events.newest_time() == kNow);
}

TEST_CASE("the newest events are shown oldest first") {
  TestState test;
  add_events(test.store, 9);
  CHECK(numbers(test.store, {}) == std::vector<std::int64_t>{1, 2, 3, 4, 5, 6, 7, 8, 9});
  CHECK(numbers(test.store, {.subject = "", .limit = 2}) == std::vector<std::int64_t>{8, 9});
  CHECK(numbers(test.store, {.subject = "certificate/n1", .limit = -1}) == std::vector<std::int64_t>{1, 4, 7});
  CHECK(numbers(test.store, {.subject = "certificate/n1", .limit = 2}) == std::vector<std::int64_t>{4, 7});
  CHECK(numbers(test.store, {.subject = "certificate/n1", .limit = 0}).empty());
  CHECK(numbers(test.store, {.subject = "none", .limit = 5}).empty());
}

TEST_CASE("an event goes with the transaction that it was recorded in") {
  TestState test;
  add_events(test.store, 1);
  CHECK_THROWS(test.store.transaction([&] {
    add_events(test.store, 5);
    throw base::Error(base::Fault::io, "no");
  }));
  CHECK(Events(test.store).head(Chain::run).number == 1);
  add_events(test.store, 1);
  CHECK(Events(test.store).verify().intact());
}

TEST_CASE("events of two processes make one chain") {
  TestState test;
  Store second = Store::open(test.path, sql::Access::read_write, kNow);
  for (int i = 0; i < 5; ++i) {
    add_events(test.store, 1);
    add_events(second, 1);
  }
  const auto verdict = Events(test.store).verify(Events(second).heads()).of(Chain::run);
  CHECK(verdict.intact);
  CHECK(verdict.checked == 10);
}

TEST_CASE("a changed history is found") {
  const std::vector<std::pair<std::string, std::string>> changes{
      {"update event set at = at + 1 where number = 7", "event 7 was changed"},
      {"update event set actor = 'mallory' where number = 7", "event 7 was changed"},
      {"update event set action = 'x' where number = 7", "event 7 was changed"},
      {"update event set subject = 'x' where number = 7", "event 7 was changed"},
      {"update event set detail = '{}' where number = 7", "event 7 was changed"},
      {"update event set hash = zeroblob(32) where number = 7", "event 7 was changed"},
      {"update event set hash = x'' where number = 7", "event 7 was changed"},
      // A part moved from one field to the next one.
      {"update event set action = action || 'c', subject = substr(subject, 2) where number = 7", "event 7 was changed"},
      {"delete from event where number = 4", "event 4 is missing"},
      {"delete from event where number between 4 and 6", "events 4 to 6 are missing"},
      {"delete from event where number <= 3", "events 1 to 3 are missing"},
      {"update event set number = -number where number = 1", "event -1 is none of ours"},
  };
  for (const auto& [change, problem] : changes) {
    CAPTURE(change);
    TestState test;
    add_events(test.store, 10);
    CHECK(Events(test.store).verify().intact());
    test.store.database().execute(change);
    const auto verdict = Events(test.store).verify().of(Chain::run);
    CHECK_FALSE(verdict.intact);
    CHECK(verdict.problem == problem);
  }
}

TEST_CASE("a history cut off at its end is found by its anchor") {
  TestState test;
  add_events(test.store, 10);
  Events events(test.store);
  const Anchor anchor = events.head(Chain::run);
  CHECK(events.verify(std::array{anchor}).intact());
  test.store.database().execute("delete from event where number > 8");
  CHECK(events.verify().intact());  // nothing inside tells
  const auto verdict = events.verify(std::array{anchor}).of(Chain::run);
  CHECK_FALSE(verdict.intact);
  CHECK(verdict.problem.find("ends with event 8") != std::string::npos);
  CHECK(verdict.head.number == 8);
}

TEST_CASE("a history written anew is found by its anchor") {
  TestState test;
  add_events(test.store, 10);
  Events events(test.store);
  const Anchor anchor = events.head(Chain::run);
  test.store.database().execute("delete from event");
  test.store.set_actor("mallory");
  add_events(test.store, 12);
  CHECK(events.verify().intact());
  const auto verdict = events.verify(std::array{anchor}).of(Chain::run);
  CHECK_FALSE(verdict.intact);
  CHECK(verdict.problem.find("event 10") != std::string::npos);
}

TEST_CASE("an older copy that came back is found by its anchor") {
  TestState test;
  add_events(test.store, 5);
  const fakes::TemporaryDirectory copies;
  const std::string older = copies / "state";
  base::Directory::create(older, 0700);
  test.store.database().copy_to(older + "/everseal.db");
  add_events(test.store, 5);
  const Anchor anchor = Events(test.store).head(Chain::run);
  Store restored = Store::open(older, sql::Access::read_write, kNow);
  CHECK(Events(restored).verify().intact());
  CHECK_FALSE(Events(restored).verify(std::array{anchor}).intact());
  test.store.set_actor("again");
  restored.set_actor("again");
  add_events(restored, 20);
  CHECK_FALSE(Events(restored).verify(std::array{anchor}).intact());
}

TEST_CASE("an anchor is read back from its text") {
  const Anchor anchor{Chain::ca, 17, std::string(64, 'a')};
  const auto parsed = Anchor::parse(anchor.text());
  REQUIRE(parsed);
  CHECK(parsed->chain == Chain::ca);
  CHECK(parsed->number == 17);
  CHECK(parsed->hash == anchor.hash);
  const std::string hash(64, 'a');
  CHECK(Anchor::parse("17:" + hash)->chain == Chain::run);
  CHECK(Anchor::parse("run:17:" + hash)->number == 17);
  for (const std::string& text : {"x:17:" + hash, "run:" + hash, "run:ca:17:" + hash, std::string("ca"), std::string{},
                                  std::string("17"), "17:" + hash.substr(1), "x:" + hash, "-1:" + hash, "17 :" + hash,
                                  ":" + hash, "17:" + hash + "a", "99999999999999999999:" + hash}) {
    CAPTURE(text);
    CHECK_FALSE(Anchor::parse(text));
  }
}

TEST_CASE("what an authority does has a chain of its own, and all events one order") {
  TestState test;
  Events events(test.store);
  add_events(test.store, 2);
  events.add("crl.signed", "authority/corp", {}, kNow - 400 * kDay, Chain::ca);
  add_events(test.store, 1);
  events.add("certificate.signed", "certificate/www", {}, kNow + 400 * kDay, Chain::ca);
  std::vector<std::string> order;
  events.each({}, [&](const EventRecord& event) {
    order.push_back(std::string(to_string(event.chain)) + std::to_string(event.number));
  });
  CHECK(order == std::vector<std::string>{"run1", "run2", "ca1", "run3", "ca2"});
  CHECK(numbers(test.store, {.subject = "authority/corp", .limit = 1}) == std::vector<std::int64_t>{1});
  const auto verdict = events.verify(events.heads());
  CHECK(verdict.intact());
  CHECK(verdict.of(Chain::ca).checked == 2);
  CHECK(verdict.of(Chain::run).checked == 3);

  const auto before = events.heads();
  for (const auto& [change, problem] : std::vector<std::pair<std::string, std::string>>{
           {"update event set detail = '{\"x\":\"y\"}' where chain = 'ca' and number = 1",
            "chain ca: event 1 was changed"},
           {"update event set chain = 'ca', number = 3 where chain = 'run' and number = 3",
            "chain ca: event 3 was changed"},
           {"delete from event where chain = 'ca'", "chain ca: the history ends with event 0"}}) {
    CAPTURE(change);
    CHECK_THROWS(test.store.transaction([&] {
      test.store.database().execute(change);
      CHECK(events.verify(before).problem().find(problem) != std::string::npos);
      throw base::Error(base::Fault::io, "taken back");
    }));
  }
  // Neither chain passes for the other.
  test.store.database().execute(
      "update event set chain = 'x' where chain = 'ca'; update event set chain = 'ca' where chain = 'run'; "
      "update event set chain = 'run' where chain = 'x'");
  CHECK_FALSE(events.verify().intact());
}

TEST_CASE("old events of runs go behind a seal, what authorities did stays") {
  TestState test;
  Events events(test.store);
  test.store.transaction([&] {
    events.add("authority.created", "authority/corp", {}, kNow - 800 * kDay, Chain::ca);
    for (int i = 0; i < 3000; ++i) events.add("a.b", "x", {}, kNow - 800 * kDay + i * kDay / 5);
  });
  const Anchor past = events.head(Chain::run);
  CHECK(events.prune(kNow - 500 * kDay) == 0);  // too few for a seal
  const std::int64_t gone = events.prune(kNow);
  CHECK(gone > 1900);
  CHECK(gone <= 2000);
  CHECK(events.prune(kNow) == 0);
  auto verdict = events.verify(std::array{past});
  CHECK(verdict.intact());
  CHECK(verdict.of(Chain::run).sealed == gone);
  CHECK(verdict.of(Chain::run).checked == 3000 - gone + 1);
  CHECK(verdict.of(Chain::run).note.empty());
  CHECK(verdict.of(Chain::ca).checked == 1);
  EventRecord seal;
  events.each({.subject = "store", .limit = 1}, [&](const EventRecord& event) { seal = event; });
  CHECK(seal.action == "history.sealed");
  CHECK(numbers(test.store, {.subject = "x", .limit = -1}).front() == gone + 1);

  const Anchor sealed{Chain::run, gone, nlohmann::json::parse(seal.detail)["hash"]};
  CHECK(events.verify(std::array{sealed}).intact());
  CHECK_FALSE(events.verify(std::array{Anchor{Chain::run, gone, std::string(64, '0')}}).intact());
  CHECK_FALSE(events.verify(std::array{Anchor{Chain::run, 5, std::string(64, '0')}}).of(Chain::run).note.empty());

  // A second seal replaces the first, and the newest thousand stay whatever the clock says.
  test.store.transaction([&] {
    for (int i = 0; i < 1500; ++i) events.add("a.b", "x", {}, kNow);
  });
  CHECK(events.prune(kNow + 20000 * kDay) > 1000);
  CHECK(events.verify().intact());
  CHECK(events.verify().of(Chain::run).checked == 1001);

  for (const char* change : {"delete from event where chain = 'run' and number = (select min(number) from event where "
                             "chain = 'run')",
                             "delete from event where action = 'history.sealed'",
                             "update event set detail = replace(detail, '\"through\":\"', '\"through\":\"1') where "
                             "action = 'history.sealed'"}) {
    CAPTURE(change);
    CHECK_THROWS(test.store.transaction([&] {
      test.store.database().execute(change);
      CHECK_FALSE(events.verify().intact());
      throw base::Error(base::Fault::io, "taken back");
    }));
  }
}

TEST_CASE("what the authorities did after a backup is taken over from the database that it replaces") {
  TestState test;
  Events events(test.store);
  events.add("authority.created", "authority/corp", {}, kNow, Chain::ca);
  const std::string older = test.directory / "older";
  base::Directory::create(older, 0700);
  test.store.database().copy_to(older + "/everseal.db");
  for (int i = 0; i < 3; ++i)
    events.add("certificate.signed", "authority/corp", {{"i", std::to_string(i)}}, kNow, Chain::ca);
  Store restored = Store::open(older, sql::Access::read_write, kNow);
  Events after(restored);
  CHECK(after.take_over(test.store.database()) == 3);
  CHECK(after.take_over(test.store.database()) == 0);
  CHECK(after.head(Chain::ca).text() == events.head(Chain::ca).text());
  CHECK(after.verify().intact());

  // A history that went another way is left where it is, and so is what was changed.
  after.add("crl.signed", "authority/corp", {}, kNow, Chain::ca);
  events.add("crl.signed", "authority/corp", {}, kNow + kDay, Chain::ca);
  events.add("crl.signed", "authority/corp", {}, kNow + kDay, Chain::ca);
  CHECK(after.take_over(test.store.database()) == 0);
  CHECK(after.verify().intact());
}

TEST_CASE("the heads are told once a day, and whenever an authority has acted") {
  TestState test;
  Events events(test.store);
  std::vector<std::string> lines;
  const auto tell = [&](Time now) {
    tell_heads(test.store, now, [&](const std::string& line) { lines.push_back(line); });
    return lines.size();
  };
  CHECK(tell(kNow) == 1);
  add_events(test.store, 1);
  CHECK(tell(kNow + base::Seconds(60)) == 1);
  events.add("crl.signed", "authority/corp", {}, kNow, Chain::ca);
  CHECK(tell(kNow + base::Seconds(120)) == 2);
  CHECK(tell(kNow + base::Seconds(180)) == 2);
  CHECK(tell(kNow + base::Seconds(120) + kDay) == 3);
  CHECK(tell(kNow) == 4);  // the clock went back
  for (const Anchor& head : events.heads()) CHECK(lines.back().find(" " + head.text()) != std::string::npos);
  CHECK_NOTHROW(tell_heads(test.store, kNow + 9 * kDay, nullptr));
}
