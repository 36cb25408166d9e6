#include "probe/wait.h"

#include "base/error.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace everseal::probe {

void Waiter::Wake::operator()() const noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(descriptor, &one, sizeof one);
}

Waiter::Waiter(Clock::time_point deadline, std::stop_token stop) : deadline_(deadline), stop_(std::move(stop)) {
  if (!stop_.stop_possible()) return;
  wake_ = base::FileDescriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake_) throw base::errno_error("make", "an event descriptor");
  on_stop_.emplace(stop_, Wake{wake_.get()});
}

Clock::time_point Waiter::within(std::chrono::milliseconds span) const {
  return std::min(deadline_, Clock::now() + span);
}

Waiter::Ended Waiter::wait(int descriptor, short events, Clock::time_point until) {
  pollfd polled[2] = {{descriptor, events, 0}, {wake_.get(), POLLIN, 0}};
  until = std::min(until, deadline_);
  while (true) {
    if (stop_.stop_requested()) throw base::Error(base::Fault::cancelled, "the probe was cancelled");
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    if (left <= 0) return Ended::timed_out;
    const int ready = ::poll(polled, 2, static_cast<int>(std::min<std::int64_t>(left, 60'000)));
    if (ready < 0 && errno != EINTR) throw base::errno_error("wait for", "a socket");
    if (ready > 0 && polled[0].revents != 0) return Ended::ready;
  }
}

}  // namespace everseal::probe
