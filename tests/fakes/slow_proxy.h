// An HTTP proxy on loopback that tunnels (RFC 9110 section 9.3.6) and makes every peer seem far away.
#pragma once

#include <chrono>
#include <memory>
#include <string>

namespace everseal::fakes {

// Runs while it lives; one thread a tunnel.
class SlowProxy {
 public:
  // `delay` is added to each answer: to the first octets that come back after the client sent some.
  explicit SlowProxy(std::chrono::milliseconds delay);
  ~SlowProxy();
  SlowProxy(const SlowProxy&) = delete;
  SlowProxy& operator=(const SlowProxy&) = delete;

  std::string url() const;
  int tunnels() const;
  // The most tunnels whose client waited for an answer at once.
  int most_at_once() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace everseal::fakes
