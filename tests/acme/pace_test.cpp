#include "acme/pace.h"

#include <doctest/doctest.h>

using namespace everseal;
using namespace std::chrono_literals;

TEST_CASE("a CA that is done at the first look is looked at sooner, one that was not later, within bounds") {
  acme::Pace pace;
  const auto longest = pace.first_pause();
  CHECK(longest > 1ms);
  pace.was_not_done();
  CHECK(pace.first_pause() == longest);
  pace.was_done();
  const auto shorter = pace.first_pause();
  CHECK(shorter < longest);
  pace.was_not_done();
  CHECK(pace.first_pause() == longest);
  for (int i = 0; i < 100; ++i) pace.was_done();
  const auto shortest = pace.first_pause();
  CHECK(shortest > 0us);
  CHECK(shortest < shorter);
  pace.was_not_done();
  CHECK(pace.first_pause() > shortest);
  for (int i = 0; i < 100; ++i) pace.was_not_done();
  CHECK(pace.first_pause() == longest);
}
