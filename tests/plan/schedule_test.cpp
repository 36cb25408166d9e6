#include "plan/schedule.h"

#include <doctest/doctest.h>

using everseal::base::from_unix;
using everseal::plan::renewal_time;
using everseal::plan::retry_time;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;

TEST_SUITE("schedule") {
  TEST_CASE("renewal is due at a third of the life left, at half of a short one, never before the life begins") {
    const auto begin = from_unix(1'800'000'000);
    struct Row {
      everseal::base::Seconds life;
      double draw;
      everseal::base::Seconds before_end;
    };
    for (const Row& row : {Row{days(90), 0.0, days(30)}, Row{days(90), 0.5, days(30) + hours(54)}, Row{days(6), 0.0, days(3)},
                           Row{hours(24), 0.0, hours(12)}, Row{days(9), 0.0, hours(108)}, Row{days(12), 0.0, days(4)}, Row{minutes(2), 0.0, minutes(1)}}) {
      CAPTURE(row.life.count());
      CHECK(begin + row.life - renewal_time(begin, begin + row.life, row.draw) == row.before_end);
    }
    CHECK(renewal_time(begin, begin, 0.9) == begin);
  }

  TEST_CASE("attempts come after 1, 10 and 100 minutes, then daily, but within an eighth of the life that is left") {
    const auto now = from_unix(1'800'000'000);
    CHECK(retry_time(1, now, std::nullopt) == now + minutes(1));
    CHECK(retry_time(2, now, std::nullopt) == now + minutes(10));
    CHECK(retry_time(3, now, std::nullopt) == now + minutes(100));
    CHECK(retry_time(4, now, std::nullopt) == now + days(1));
    CHECK(retry_time(400, now, std::nullopt) == now + days(1));
    CHECK(retry_time(4, now, now + hours(16)) == now + hours(2));
    CHECK(retry_time(4, now, now + minutes(4)) == now + minutes(1));
    CHECK(retry_time(4, now, now - hours(1)) == now + minutes(1));
    CHECK(retry_time(0, now, std::nullopt) == now + minutes(1));
  }

  TEST_CASE("a peer that asked for peace gets it, within the same bound") {
    const auto now = from_unix(1'800'000'000);
    CHECK(retry_time(1, now, std::nullopt, now + hours(3)) == now + hours(3));
    CHECK(retry_time(4, now, std::nullopt, now + hours(3)) == now + days(1));
    CHECK(retry_time(1, now, std::nullopt, now + days(300)) == now + days(7));
    CHECK(retry_time(1, now, now + hours(16), now + hours(3)) == now + hours(2));
    CHECK(retry_time(1, now, std::nullopt, now - hours(3)) == now + minutes(1));
  }

  TEST_CASE("renewal information is overridden at half of the life left at which a renewal is due") {
    const auto begin = from_unix(1'800'000'000);
    using everseal::plan::latest_renewal;
    CHECK(latest_renewal(begin, begin + days(90)) == begin + days(75));
    CHECK(latest_renewal(begin, begin + days(6)) == begin + hours(108));
  }
}
