// How soon after asking a CA is looked at for the first time.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>

namespace everseal::acme {

// What was done at the first look is looked at sooner the next time, what was not later: a look too early is a request
// for nothing, and one too late is time lost with each of a thousand certificates. Thread-safe.
class Pace {
 public:
  using microseconds = std::chrono::microseconds;

  microseconds first_pause() const noexcept { return microseconds(pause_.load(std::memory_order_relaxed)); }
  void was_done() noexcept { set(first_pause() / kFactor); }
  void was_not_done() noexcept { set(first_pause() * kFactor); }

 private:
  static constexpr int kFactor = 4;
  static constexpr microseconds kShortest{250};
  static constexpr microseconds kLongest{20'000};

  void set(microseconds pause) noexcept {
    pause_.store(std::clamp(pause, kShortest, kLongest).count(), std::memory_order_relaxed);
  }

  std::atomic<microseconds::rep> pause_ = kLongest.count();
};

}  // namespace everseal::acme
