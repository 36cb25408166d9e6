#include "probe/names.h"

#include <utility>

#include <sys/epoll.h>

namespace everseal::probe {
namespace {

// More questions at once than a resolver's socket can hold answers for are lost questions.
constexpr std::size_t kMostAtOnce = 200;
constexpr std::size_t kMostKnown = 20'000;

}  // namespace

Names::Names(Loop& loop, net::Families families, std::chrono::milliseconds limit,
             const std::vector<std::string>& servers)
    : loop_(loop),
      resolver_(
          [this](int descriptor, bool readable, bool writable) {
            const std::uint32_t events = (readable ? static_cast<std::uint32_t>(EPOLLIN) : 0U) |
                                         (writable ? static_cast<std::uint32_t>(EPOLLOUT) : 0U);
            events == 0 ? loop_.forget(descriptor) : loop_.watch(descriptor, events, *this);
          },
          families, limit, servers) {}

Names::~Names() = default;

void Names::ready(int descriptor, std::uint32_t events) {
  const bool broken = (events & (EPOLLERR | EPOLLHUP)) != 0;
  resolver_.ready(descriptor, broken || (events & EPOLLIN) != 0, (events & EPOLLOUT) != 0);
  due_ = Clock::time_point{};  // at once
}

void Names::ask(const std::string& host, std::uint64_t asker) {
  const auto [known, is_new] = numbers_.try_emplace(host, last_ + 1);
  if (is_new) {
    ++last_;
    names_[last_].host = host;
    queue_.push_back(last_);
  }
  Name& name = names_.at(known->second);
  ++waiting_;
  if (name.resolved)
    answers_.push_back({{asker}, name.resolved, name.time});
  else
    name.askers.push_back(asker);
  due_ = Clock::time_point{};  // at once
}

// In the order of their numbers, as the resolver wants it.
void Names::ask_more() {
  for (; asking_ < kMostAtOnce && !queue_.empty(); queue_.pop_front()) {
    Name& name = names_.at(queue_.front());
    name.asked = Clock::now();
    ++asking_;
    resolver_.ask(queue_.front(), name.host);
  }
}

std::vector<Names::Answer> Names::take() {
  ask_more();
  due_ = resolver_.tick();
  for (auto& [number, resolved] : resolver_.take_answers()) {
    Name& name = names_.at(number);
    --asking_;
    name.time = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - name.asked);
    name.resolved = std::make_shared<const net::Resolved>(std::move(resolved));
    answers_.push_back({std::exchange(name.askers, {}), name.resolved, name.time});
    known_.push_back(number);
  }
  for (; known_.size() > kMostKnown; known_.pop_front()) {
    const auto oldest = names_.find(known_.front());
    numbers_.erase(oldest->second.host);
    names_.erase(oldest);
  }
  if (!queue_.empty() && asking_ < kMostAtOnce) due_ = Clock::time_point{};  // at once
  for (const Answer& answer : answers_) waiting_ -= answer.askers.size();
  return std::exchange(answers_, {});
}

}  // namespace everseal::probe
