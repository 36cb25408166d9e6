// Waiting for a descriptor until a deadline or until somebody asks to stop.
#pragma once

#include "base/handle.h"

#include <chrono>
#include <optional>
#include <stop_token>

namespace everseal::probe {

using Clock = std::chrono::steady_clock;

// One thread at a time. The deadline of the whole probe bounds every wait.
class Waiter {
 public:
  // Throws Error(io) where the kernel gives no descriptor.
  Waiter(Clock::time_point deadline, std::stop_token stop);

  enum class Ended { ready, timed_out };
  // `events` as poll(2) takes them. Throws Error(cancelled) once a stop was requested.
  Ended wait(int descriptor, short events, Clock::time_point until);

  // The earlier of the whole probe's deadline and `span` from now.
  Clock::time_point within(std::chrono::milliseconds span) const;
  bool expired() const { return Clock::now() >= deadline_; }

 private:
  struct Wake {
    int descriptor;
    void operator()() const noexcept;
  };
  Clock::time_point deadline_;
  std::stop_token stop_;
  base::FileDescriptor wake_;
  std::optional<std::stop_callback<Wake>> on_stop_;
};

}  // namespace everseal::probe
