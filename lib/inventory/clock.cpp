#include "inventory/clock.h"

#include "base/error.h"
#include "inventory/events.h"

#include <fmt/format.h>

namespace everseal::inventory {
namespace {

constexpr base::Seconds kTolerance{60};

}  // namespace

void require_trusted_clock(Store& store, base::Time now, base::Time build_date) {
  using base::Error;
  using base::Fault;
  using base::format_time;
  if (now < build_date)
    throw Error(
        Fault::clock,
        fmt::format("the clock says {}, before this program was built ({})", format_time(now), format_time(build_date)),
        "set the clock (`timedatectl status` shows it), then run the same command again");
  const auto newest = Events(store).newest_time();
  if (!newest || now >= *newest - kTolerance) return;
  throw Error(
      Fault::clock,
      fmt::format("the clock says {}, before the newest event of the history ({})", format_time(now),
                  format_time(*newest)),
      "set the clock (`timedatectl status` shows it), then run the same command again; where the clock is right, "
      "that event was recorded while it was ahead: `everseal restore` a backup from before");
}

}  // namespace everseal::inventory
