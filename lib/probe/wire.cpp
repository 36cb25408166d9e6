#include "probe/wire.h"

#include <algorithm>
#include <cerrno>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace everseal::probe {

int Wire::open(const Address& address) {
  socket_ = base::FileDescriptor(::socket(address.socket.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket_) return errno;
  const int on = 1;
  ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address.socket), address.size) == 0) return 0;
  return errno == EINPROGRESS || errno == EINTR ? 0 : errno;
}

int Wire::opened() const {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  if (error != 0) return error;
  sockaddr_storage peer;
  socklen_t peer_size = sizeof peer;
  if (::getpeername(socket_.get(), reinterpret_cast<sockaddr*>(&peer), &peer_size) == 0) return 0;
  return errno == ENOTCONN ? EINPROGRESS : errno;
}

Wire::Got Wire::receive_raw(char* data, std::size_t size, std::size_t& count) {
  while (true) {
    const ssize_t got = ::recv(socket_.get(), data, size, 0);
    if (got > 0) {
      count = static_cast<std::size_t>(got);
      return Got::some;
    }
    if (got == 0) {
      ended_ = true;
      return Got::end;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN) return Got::nothing_yet;
    error_ = errno;
    return Got::broken;
  }
}

Wire::Got Wire::receive(char* data, std::size_t size, std::size_t& count) {
  flush();
  Got got = Got::some;
  if (framing_ && received_.empty()) {
    std::array<char, 4096> raw;
    while (received_.empty() && got == Got::some) {
      got = receive_raw(raw.data(), raw.size(), count);
      if (got == Got::some && !framing_->unwrap({raw.data(), count}, received_)) {
        error_ = EPROTO;
        return Got::broken;
      }
    }
  }
  if (!received_.empty()) {
    count = std::min(size, received_.size());
    std::copy_n(received_.begin(), count, data);
    received_.erase(0, count);
    got = Got::some;
  } else if (!framing_) {
    got = receive_raw(data, size, count);
  }
  if (got == Got::some) {
    const std::size_t kept = std::min(count, head_.size() - head_size_);
    std::copy_n(data, kept, head_.begin() + static_cast<std::ptrdiff_t>(head_size_));
    head_size_ += kept;
  }
  return got;
}

void Wire::flush() {
  if (framing_ && wraps_) {
    if (!to_send_.empty()) wrapped_ += framing_->wrap(to_send_);
  } else {
    wrapped_ += to_send_;
  }
  to_send_.clear();
  while (!wrapped_.empty() && error_ == 0) {
    // Without MSG_NOSIGNAL a peer's reset would end the process.
    const ssize_t sent = ::send(socket_.get(), wrapped_.data(), wrapped_.size(), MSG_NOSIGNAL);
    if (sent >= 0)
      wrapped_.erase(0, static_cast<std::size_t>(sent));
    else if (errno == EAGAIN)
      return;
    else if (errno != EINTR)
      error_ = errno;
  }
}

}  // namespace everseal::probe
