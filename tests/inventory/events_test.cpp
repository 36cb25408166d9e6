#include "inventory/events.h"

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
  const Anchor head = events.head();
  CHECK(head.number == 0);
  CHECK(head.hash == std::string(64, '0'));
  CHECK(events.verify(head).intact);
  CHECK_FALSE(events.newest_time());
  add_events(test.store, 3);
  CHECK(events.verify(head).intact);
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
  CHECK(event.hash == events.head().hash);
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
  CHECK(Events(test.store).head().number == 1);
  add_events(test.store, 1);
  CHECK(Events(test.store).verify(std::nullopt).intact);
}

TEST_CASE("events of two processes make one chain") {
  TestState test;
  Store second = Store::open(test.path, sql::Access::read_write, kNow);
  for (int i = 0; i < 5; ++i) {
    add_events(test.store, 1);
    add_events(second, 1);
  }
  const auto verdict = Events(test.store).verify(Events(second).head());
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
    CHECK(Events(test.store).verify(std::nullopt).intact);
    test.store.database().execute(change);
    const auto verdict = Events(test.store).verify(std::nullopt);
    CHECK_FALSE(verdict.intact);
    CHECK(verdict.problem == problem);
  }
}

TEST_CASE("a history cut off at its end is found by its anchor") {
  TestState test;
  add_events(test.store, 10);
  Events events(test.store);
  const Anchor anchor = events.head();
  CHECK(events.verify(anchor).intact);
  test.store.database().execute("delete from event where number > 8");
  CHECK(events.verify(std::nullopt).intact);  // nothing inside tells
  const auto verdict = events.verify(anchor);
  CHECK_FALSE(verdict.intact);
  CHECK(verdict.problem.find("ends with event 8") != std::string::npos);
  CHECK(verdict.head.number == 8);
}

TEST_CASE("a history written anew is found by its anchor") {
  TestState test;
  add_events(test.store, 10);
  Events events(test.store);
  const Anchor anchor = events.head();
  test.store.database().execute("delete from event");
  test.store.set_actor("mallory");
  add_events(test.store, 12);
  CHECK(events.verify(std::nullopt).intact);
  const auto verdict = events.verify(anchor);
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
  const Anchor anchor = Events(test.store).head();
  Store restored = Store::open(older, sql::Access::read_write, kNow);
  CHECK(Events(restored).verify(std::nullopt).intact);
  CHECK_FALSE(Events(restored).verify(anchor).intact);
  test.store.set_actor("again");
  restored.set_actor("again");
  add_events(restored, 20);
  CHECK_FALSE(Events(restored).verify(anchor).intact);
}

TEST_CASE("an anchor is read back from its text") {
  const Anchor anchor{17, std::string(64, 'a')};
  const auto parsed = Anchor::parse(anchor.text());
  REQUIRE(parsed);
  CHECK(parsed->number == 17);
  CHECK(parsed->hash == anchor.hash);
  const std::string hash(64, 'a');
  for (const std::string& text : {std::string{}, std::string("17"), "17:" + hash.substr(1), "x:" + hash, "-1:" + hash,
                                  "17 :" + hash, ":" + hash, "17:" + hash + "a", "99999999999999999999:" + hash}) {
    CAPTURE(text);
    CHECK_FALSE(Anchor::parse(text));
  }
}
