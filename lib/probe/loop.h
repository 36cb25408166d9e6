// Descriptors, times and calls from other threads, waited for in one place.
#pragma once

#include "base/handle.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

namespace everseal::probe {

using Clock = std::chrono::steady_clock;

// For one thread, but for wake().
class Loop {
 public:
  class Watcher {
   public:
    // `events` as epoll(7) names them. May come once more than the descriptor calls for, for what stood there before.
    virtual void ready(int descriptor, std::uint32_t events) = 0;

   protected:
    ~Watcher() = default;
  };
  // A time at which something is called, once. Ends with its owner.
  class Timer {
   public:
    Timer(Loop& loop, std::function<void()> call) : loop_(loop), call_(std::move(call)) {}
    ~Timer() { clear(); }
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    void set(Clock::time_point when);
    void clear();

   private:
    friend class Loop;
    Loop& loop_;
    std::function<void()> call_;
    std::optional<std::multimap<Clock::time_point, Timer*>::iterator> at_;
  };

  // Throws Error(io) where the kernel gives no descriptor.
  Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Adds the descriptor or changes what is waited for. Error(io) where the kernel refuses.
  void watch(int descriptor, std::uint32_t events, Watcher& watcher);
  void forget(int descriptor);  // before it is closed

  // Waits for the next event, not beyond `until`, and calls whom it concerns: first what is ready, then what is due, so
  // that an answer that came in time counts although this thread came late.
  void run_once(std::optional<Clock::time_point> until = std::nullopt);
  // Ends a wait, this one or the next. From any thread.
  void wake() const noexcept;

 private:
  base::FileDescriptor epoll_, wake_;
  std::vector<Watcher*> watchers_;  // by descriptor
  std::multimap<Clock::time_point, Timer*> timers_;
};

}  // namespace everseal::probe
