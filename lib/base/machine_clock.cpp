#include "base/machine_clock.h"

#include <ctime>
#include <fstream>

#include <sys/syscall.h>
#include <sys/timex.h>
#include <unistd.h>

namespace everseal::base {
namespace {

std::optional<Time> synchronised_time() {
  timex state{};
  const int answer = ::adjtimex(&state);  // reads only, with no mode set
  if (answer < 0 || answer == TIME_ERROR || (state.status & STA_UNSYNC) != 0) return std::nullopt;
  return from_unix(state.time.tv_sec);
}

// The system call itself: what fakes a wall clock for a program around libc fakes this one too, and nothing would show.
std::optional<Seconds> since_boot() {
  timespec time{};
  if (::syscall(SYS_clock_gettime, CLOCK_BOOTTIME, &time) != 0) return std::nullopt;
  return Seconds(time.tv_sec);
}

}  // namespace

MachineClock read_machine_clock() {
  MachineClock machine;
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::getline(file, machine.boot_id);
  machine.since_boot = since_boot();
  machine.synchronised = synchronised_time();
  return machine;
}

}  // namespace everseal::base
