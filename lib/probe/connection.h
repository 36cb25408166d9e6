// A TCP connection that never blocks longer than it may, and what is said before TLS.
#pragma once

#include "base/encoding.h"
#include "probe/capture.h"
#include "probe/resolve.h"
#include "probe/wait.h"

#include <string>
#include <string_view>

namespace everseal::probe {

// One thread at a time. Reads and writes throw Error(timed_out), Error(unreachable) where the peer closed or reset the
// connection, and Error(cancelled).
class Connection {
 public:
  explicit Connection(Waiter& waiter) : waiter_(waiter) {}

  // `problem` is empty where the connection stands.
  struct Opened {
    Outcome outcome = Outcome::complete;
    std::string problem;
  };
  Opened open(const Address& address, std::chrono::milliseconds limit);

  // What follows must end by then.
  void set_deadline(Clock::time_point deadline) noexcept { deadline_ = deadline; }

  void send(base::BytesView bytes);
  void send(std::string_view text) { send(base::as_bytes(text)); }
  base::Bytes receive();  // what there is, once there is some

  int descriptor() const noexcept { return socket_.get(); }
  Waiter& waiter() noexcept { return waiter_; }
  Clock::time_point deadline() const noexcept { return deadline_; }

 private:
  Waiter& waiter_;
  base::FileDescriptor socket_;
  Clock::time_point deadline_ = Clock::time_point::max();
};

}  // namespace everseal::probe
