#include "probe/loop.h"

#include "base/error.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace everseal::probe {

void Loop::Timer::set(Clock::time_point when) {
  clear();
  at_ = loop_.timers_.emplace(when, this);
}

void Loop::Timer::clear() {
  if (at_) loop_.timers_.erase(*at_);
  at_.reset();
}

Loop::Loop() : epoll_(::epoll_create1(EPOLL_CLOEXEC)), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!epoll_ || !wake_) throw base::errno_error("make", "an event descriptor");
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = wake_.get();
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) != 0)
    throw base::errno_error("wait for", "an event descriptor");
}

void Loop::watch(int descriptor, std::uint32_t events, Watcher& watcher) {
  const auto at = static_cast<std::size_t>(descriptor);
  if (watchers_.size() <= at) watchers_.resize(at + 1);
  epoll_event event{};
  event.events = events;
  event.data.fd = descriptor;
  const int operation = watchers_[at] == nullptr ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  if (::epoll_ctl(epoll_.get(), operation, descriptor, &event) != 0) throw base::errno_error("wait for", "a socket");
  watchers_[at] = &watcher;
}

void Loop::forget(int descriptor) {
  const auto at = static_cast<std::size_t>(descriptor);
  if (at >= watchers_.size() || watchers_[at] == nullptr) return;
  watchers_[at] = nullptr;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, descriptor, nullptr);
}

void Loop::run_once(std::optional<Clock::time_point> until) {
  if (!timers_.empty()) until = std::min(until.value_or(Clock::time_point::max()), timers_.begin()->first);
  int patience = -1;
  if (until) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*until - Clock::now()).count();
    patience = static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
  }
  std::array<epoll_event, 256> events;
  const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), patience);
  if (count < 0 && errno != EINTR) throw base::errno_error("wait for", "sockets");
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    if (event.data.fd == wake_.get()) {
      std::uint64_t calls = 0;
      [[maybe_unused]] const ssize_t got = ::read(wake_.get(), &calls, sizeof calls);
      continue;
    }
    // What was forgotten since the wait began is passed over; what stands there anew is asked once for nothing.
    Watcher* const watcher = watchers_[static_cast<std::size_t>(event.data.fd)];
    if (watcher != nullptr) watcher->ready(event.data.fd, event.events);
  }
  const auto now = Clock::now();
  while (!timers_.empty() && timers_.begin()->first <= now) {
    Timer* const timer = timers_.begin()->second;
    timer->clear();
    timer->call_();
  }
}

void Loop::wake() const noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
}

}  // namespace everseal::probe
