// What the machine knows of time besides its wall clock.
#pragma once

#include "base/time.h"

#include <optional>
#include <string>

namespace everseal::base {

// All of it is absent where nobody asked or nothing is known.
struct MachineClock {
  std::string boot_id;                // "" where unknown; readings of different boots cannot be compared
  std::optional<Seconds> since_boot;  // CLOCK_BOOTTIME: goes on while the machine is suspended, whatever sets the clock
  // The kernel's clock, where a time service says that it is right (adjtimex(2) without STA_UNSYNC). Absent where none
  // does, or where asking is not allowed, as in some containers.
  std::optional<Time> synchronised;
};

MachineClock read_machine_clock();

}  // namespace everseal::base
