#include "probe/connection.h"

#include "base/error.h"

#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

namespace everseal::probe {

using base::Error;
using base::Fault;

namespace {

Connection::Opened failed(int error, const std::string& address) {
  const Outcome outcome = error == ECONNREFUSED ? Outcome::connection_refused
                          : error == ETIMEDOUT  ? Outcome::timed_out
                                                : Outcome::unreachable;
  return {outcome, fmt::format("cannot connect to {}: {}", address, base::lower(std::strerror(error)))};
}

[[noreturn]] void throw_lost(std::string_view doing) {
  if (errno == ECONNRESET || errno == EPIPE) throw Error(Fault::unreachable, "the peer reset the connection");
  throw Error(Fault::unreachable, fmt::format("cannot {}: {}", doing, base::lower(std::strerror(errno))));
}

}  // namespace

Connection::Opened Connection::open(const Address& address, std::chrono::milliseconds limit) {
  const auto until = waiter_.within(limit);
  socket_ = base::FileDescriptor(::socket(address.socket.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket_) {
    if (errno == EAFNOSUPPORT) return failed(errno, address.text);
    throw base::errno_error("open a socket for", address.text);
  }
  const int on = 1;
  ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address.socket), address.size) == 0) return {};
  if (errno != EINPROGRESS && errno != EINTR) return failed(errno, address.text);
  if (waiter_.wait(socket_.get(), POLLOUT, until) == Waiter::Ended::timed_out) {
    return {Outcome::timed_out, fmt::format("{} did not accept the connection in time", address.text)};
  }
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) return failed(error, address.text);
  return {};
}

void Connection::send(base::BytesView bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(sent));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) throw_lost("send");
    if (waiter_.wait(socket_.get(), POLLOUT, deadline_) == Waiter::Ended::timed_out) {
      throw Error(Fault::timed_out, "the peer took no data in time");
    }
  }
}

base::Bytes Connection::receive() {
  while (true) {
    base::Bytes bytes(4096);
    const ssize_t got = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
    if (got > 0) {
      bytes.resize(static_cast<std::size_t>(got));
      return bytes;
    }
    if (got == 0) throw Error(Fault::unreachable, "the peer closed the connection");
    if (errno == EINTR) continue;
    if (errno != EAGAIN) throw_lost("receive");
    if (waiter_.wait(socket_.get(), POLLIN, deadline_) == Waiter::Ended::timed_out) {
      throw Error(Fault::timed_out, "the peer did not answer in time");
    }
  }
}

}  // namespace everseal::probe
