// A TCP connection that never blocks longer than it may, and the lines that protocols exchange before TLS.
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
  base::Bytes receive(std::size_t count);  // exactly so many
  // Without its line end. Error(invalid) beyond 4 KiB or after 1000 lines.
  std::string receive_line();

  int descriptor() const noexcept { return socket_.get(); }
  Waiter& waiter() noexcept { return waiter_; }
  Clock::time_point deadline() const noexcept { return deadline_; }

 private:
  std::uint8_t receive_octet();

  Waiter& waiter_;
  base::FileDescriptor socket_;
  Clock::time_point deadline_ = Clock::time_point::max();
  int lines_ = 0;
};

}  // namespace everseal::probe
