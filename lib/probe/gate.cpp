#include "probe/gate.h"

#include <algorithm>

namespace everseal::probe {
namespace {

// What a loop that came late may catch up.
constexpr auto kSlack = std::chrono::milliseconds(10);

void count(Clock::time_point& next, int per_second, Clock::time_point now) {
  if (per_second > 0) next = std::max(next, now - kSlack) + std::chrono::nanoseconds(1'000'000'000 / per_second);
}

}  // namespace

void Gate::wait(const std::string& host, std::uint64_t who) {
  Host& entry = hosts_[host];
  entry.waiting.push_back(who);
  list(host, entry, Clock::time_point::min());
}

void Gate::list(const std::string& name, Host& host, Clock::time_point now) {
  if (host.listed || host.waiting.empty()) return;
  if (limits_.at_once_per_host > 0 && host.inside >= limits_.at_once_per_host) return;
  host.listed = true;
  if (host.next > now)
    resting_.emplace(host.next, name);
  else
    willing_.push_back(name);
}

std::optional<std::uint64_t> Gate::admit(Clock::time_point now) {
  for (; !resting_.empty() && resting_.begin()->first <= now; resting_.erase(resting_.begin()))
    willing_.push_back(resting_.begin()->second);
  if (!open(now) || willing_.empty()) return std::nullopt;
  const std::string name = std::move(willing_.front());
  willing_.pop_front();
  Host& host = hosts_.at(name);
  const std::uint64_t who = host.waiting.front();
  host.waiting.pop_front();
  host.listed = false;
  ++host.inside;
  ++inside_;
  count(next_, limits_.per_second, now);
  count(host.next, limits_.per_second_per_host, now);
  list(name, host, now);
  return who;
}

void Gate::leave(const std::string& host, Clock::time_point now) {
  const auto found = hosts_.find(host);
  --found->second.inside;
  --inside_;
  list(host, found->second, now);
  // A host's pace outlives its connections by as long as it holds anybody up.
  if (found->second.inside == 0 && !found->second.listed && found->second.next <= now) hosts_.erase(found);
}

std::optional<Clock::time_point> Gate::again() const {
  if (full()) return std::nullopt;
  if (!willing_.empty()) return next_;
  if (resting_.empty()) return std::nullopt;
  return std::max(resting_.begin()->first, next_);
}

}  // namespace everseal::probe
