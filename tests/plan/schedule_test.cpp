#include "plan/schedule.h"

#include <doctest/doctest.h>

using everseal::base::from_unix;
using everseal::plan::renewal_time;
using everseal::plan::retry_time;
using everseal::plan::Validity;
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

  TEST_CASE("attempts come after 1, 10 and 60 minutes, then daily, and within an eighth of the life that is left") {
    const auto now = from_unix(1'800'000'000);
    const auto of = [&](everseal::base::Seconds life, everseal::base::Seconds left) {
      return Validity{now + left - life, now + left};
    };
    struct Row {
      int failures;
      std::optional<Validity> in_use;
      everseal::base::Seconds wait;
    };
    const Row rows[] = {
        {1, std::nullopt, minutes(1)},
        {2, std::nullopt, minutes(10)},
        {3, std::nullopt, minutes(60)},
        {4, std::nullopt, days(1)},
        {400, std::nullopt, days(1)},
        {0, std::nullopt, minutes(1)},
        {4, of(days(90), days(30)), days(1)},
        {4, of(days(90), hours(16)), hours(2)},
        {1, of(days(90), hours(16)), minutes(1)},
        // The floor is an hour, or a 24th of a short life, and stays when nothing is left.
        {4, of(days(90), minutes(4)), hours(1)},
        {4, of(days(90), -hours(1)), hours(1)},
        {3, of(days(90), -days(400)), hours(1)},
        {4, of(hours(12), hours(1)), minutes(30)},
        {4, of(hours(1), -hours(1)), everseal::base::Seconds(150)},
        {2, of(days(90), -hours(1)), minutes(10)},
        {1, of(days(90), -hours(1)), minutes(1)},
        {4, of(everseal::base::Seconds(10), everseal::base::Seconds(1)), everseal::base::Seconds(1)},
    };
    for (const Row& row : rows) {
      CAPTURE(row.failures);
      CAPTURE(row.wait.count());
      CHECK(retry_time(row.failures, now, row.in_use) == now + row.wait);
    }
  }

  TEST_CASE("a peer that asked for peace gets it, whatever is left") {
    const auto now = from_unix(1'800'000'000);
    const Validity ending{now - days(89), now + hours(16)};
    CHECK(retry_time(1, now, std::nullopt, now + hours(3)) == now + hours(3));
    CHECK(retry_time(4, now, std::nullopt, now + hours(3)) == now + days(1));
    CHECK(retry_time(1, now, ending, now + hours(3)) == now + hours(3));
    CHECK(retry_time(4, now, ending, now + hours(1)) == now + hours(2));
    CHECK(retry_time(1, now, std::nullopt, now - hours(3)) == now + minutes(1));
  }

  TEST_CASE("renewal information is overridden at half of the life left at which a renewal is due") {
    const auto begin = from_unix(1'800'000'000);
    using everseal::plan::latest_renewal;
    CHECK(latest_renewal(begin, begin + days(90)) == begin + days(75));
    CHECK(latest_renewal(begin, begin + days(6)) == begin + hours(108));
  }
}
