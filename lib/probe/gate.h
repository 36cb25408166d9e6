// Who may connect now: how many at once and how many more each second, at one host and over all.
#pragma once

#include "probe/loop.h"

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>

namespace everseal::probe {

// Pure: the time is an argument. Waiting ones are let in in their order, host beside host, so that a crowd at one host
// holds up nobody at another.
class Gate {
 public:
  struct Limits {  // 0: none
    int at_once = 0, at_once_per_host = 0;
    int per_second = 0, per_second_per_host = 0;
  };
  explicit Gate(const Limits& limits) : limits_(limits) {}

  void wait(const std::string& host, std::uint64_t who);
  // Somebody who may connect now; nullopt where nobody may.
  std::optional<std::uint64_t> admit(Clock::time_point now);
  void leave(const std::string& host, Clock::time_point now);  // one that was admitted there has ended

  int inside() const noexcept { return inside_; }
  // Whether the limits over all let somebody in.
  bool open(Clock::time_point now) const noexcept { return !full() && next_ <= now; }
  // By the limit a second over all: nobody before.
  Clock::time_point opens() const noexcept { return next_; }
  // No more at once than there are: the machine gives no more.
  void shrink() noexcept { limits_.at_once = inside_ > 0 ? inside_ : 1; }
  // When somebody may be admitted although nobody leaves; nullopt: not before.
  std::optional<Clock::time_point> again() const;

 private:
  struct Host {
    std::deque<std::uint64_t> waiting;
    int inside = 0;
    Clock::time_point next{};  // not before, by the limit a second
    bool listed = false;       // in willing_ or resting_
  };
  bool full() const noexcept { return limits_.at_once > 0 && inside_ >= limits_.at_once; }
  void list(const std::string& name, Host& host, Clock::time_point now);

  Limits limits_;
  int inside_ = 0;
  Clock::time_point next_{};
  std::unordered_map<std::string, Host> hosts_;
  std::deque<std::string> willing_;                        // hosts where somebody may connect
  std::multimap<Clock::time_point, std::string> resting_;  // hosts whose limit a second is used up until then
};

}  // namespace everseal::probe
