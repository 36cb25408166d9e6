// The names of one round, each asked for once.
#pragma once

#include "net/resolver.h"
#include "probe/loop.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace everseal::probe {

// For the thread that runs `loop`. What it remembers is bounded.
class Names final : Loop::Watcher {
 public:
  struct Answer {
    std::vector<std::uint64_t> askers;
    std::shared_ptr<const net::Resolved> resolved;
    std::chrono::microseconds time{};
  };
  Names(Loop& loop, net::Families families, std::chrono::milliseconds limit, const std::vector<std::string>& servers);
  ~Names();

  void ask(const std::string& host, std::uint64_t asker);
  // What is known since the last call.
  std::vector<Answer> take();
  std::size_t waiting() const noexcept { return waiting_; }  // askers without an answer
  // When take() is to be called at the latest.
  std::optional<Clock::time_point> due() const noexcept { return due_; }

 private:
  struct Name {
    std::string host;
    std::vector<std::uint64_t> askers;
    Clock::time_point asked{};
    std::shared_ptr<const net::Resolved> resolved;
    std::chrono::microseconds time{};
  };
  void ready(int descriptor, std::uint32_t events) override;
  void ask_more();

  Loop& loop_;
  net::Resolver resolver_;
  std::unordered_map<std::string, std::uint64_t> numbers_;  // by host
  std::unordered_map<std::uint64_t, Name> names_;
  std::deque<std::uint64_t> queue_, known_;
  std::vector<Answer> answers_;
  std::size_t waiting_ = 0, asking_ = 0;
  std::uint64_t last_ = 0;
  std::optional<Clock::time_point> due_;
};

}  // namespace everseal::probe
