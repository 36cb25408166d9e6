#include "probe/gate.h"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using everseal::probe::Clock;
using everseal::probe::Gate;

namespace {

const Clock::time_point kBegin = Clock::time_point(1h);

std::vector<std::uint64_t> admitted(Gate& gate, Clock::time_point now) {
  std::vector<std::uint64_t> all;
  while (const auto who = gate.admit(now)) all.push_back(*who);
  return all;
}

}  // namespace

TEST_CASE("no more are let in at once than may be, over all and at one host") {
  Gate gate({.at_once = 3, .at_once_per_host = 2});
  for (const std::uint64_t who : {1U, 2U, 3U, 4U}) gate.wait("a", who);
  for (const std::uint64_t who : {5U, 6U}) gate.wait("b", who);
  CHECK(admitted(gate, kBegin) == std::vector<std::uint64_t>{1, 5, 2});
  CHECK(gate.inside() == 3);
  CHECK_FALSE(gate.open(kBegin));
  CHECK_FALSE(gate.again());
  gate.leave("b", kBegin);
  CHECK(admitted(gate, kBegin) == std::vector<std::uint64_t>{6});
  gate.leave("b", kBegin);
  // The third at its host waits although there is room.
  CHECK(admitted(gate, kBegin).empty());
  CHECK(gate.open(kBegin));
  gate.leave("a", kBegin);
  CHECK(admitted(gate, kBegin) == std::vector<std::uint64_t>{3});
}

TEST_CASE("no more are let in each second than may be, and none for less") {
  struct Row {
    Gate::Limits limits;
    int hosts;
    int expected;  // in the first second
  };
  const Row rows[] = {{{.per_second = 100}, 1, 100},
                      {{.per_second = 100}, 10, 100},
                      {{.per_second_per_host = 10}, 1, 10},
                      {{.per_second_per_host = 10}, 5, 50},
                      {{.per_second = 20, .per_second_per_host = 10}, 5, 20},
                      {{}, 5, 500}};
  for (const Row& row : rows) {
    CAPTURE(row.hosts);
    CAPTURE(row.expected);
    Gate gate(row.limits);
    for (std::uint64_t who = 0; who < 500; ++who)
      gate.wait("h" + std::to_string(who % static_cast<std::uint64_t>(row.hosts)), who);
    std::size_t count = 0;
    // As a loop does it: sleeps until it is told to look again, and wakes a little late.
    for (auto now = kBegin; now < kBegin + 1s;) {
      count += admitted(gate, now).size();
      const auto again = gate.again();
      now = again ? std::max(*again, now) + 1ms : kBegin + 1s;
    }
    CHECK(count >= static_cast<std::size_t>(row.expected * 9 / 10));
    CHECK(count <= static_cast<std::size_t>(row.expected + row.expected / 50 + row.hosts));
  }
}

TEST_CASE("a host that left and comes back is still held to its pace") {
  Gate gate({.per_second_per_host = 1});
  gate.wait("a", 1);
  CHECK(admitted(gate, kBegin).size() == 1);
  gate.leave("a", kBegin + 10ms);
  gate.wait("a", 2);
  CHECK(admitted(gate, kBegin + 20ms).empty());
  CHECK(gate.again() == kBegin + 990ms);
  CHECK(admitted(gate, kBegin + 1s).size() == 1);
}

TEST_CASE("a machine that gives no more descriptors is asked for no more at once") {
  Gate gate({.at_once = 100});
  for (std::uint64_t who = 0; who < 10; ++who) gate.wait("a", who);
  for (int i = 0; i < 4; ++i) gate.admit(kBegin);
  gate.leave("a", kBegin);
  gate.shrink();
  CHECK(admitted(gate, kBegin).empty());
  gate.leave("a", kBegin);
  CHECK(admitted(gate, kBegin).size() == 1);
}
