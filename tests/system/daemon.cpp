#include "system/daemon.h"

#include <stdexcept>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace everseal::system {
namespace {

struct Socket {
  int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  Socket() = default;
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() { ::close(descriptor); }
};

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool accepts(int port) {
  const Socket socket;
  const sockaddr_in address = loopback(port);
  return ::connect(socket.descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace

int free_port() {
  const Socket socket;
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  if (::bind(socket.descriptor, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      ::getsockname(socket.descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("no port is free");
  return ntohs(address.sin_port);
}

Daemon::Daemon(Words argv, base::Command how) {
  if (!base::find_executable(argv.front())) run(argv, how);  // throws, naming the package
  argv.insert(argv.begin(), {"setpriv", "--pdeathsig", "TERM"});
  how.argv = std::move(argv);
  how.timeout = std::chrono::hours(1);
  thread_ = std::jthread([this, how = std::move(how)](const std::stop_token& stop) {
    exit_ = base::run(how, stop);
    ended_ = true;
  });
}

Daemon::~Daemon() { stop(); }

void Daemon::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void Daemon::wait_for_port(int port) {
  wait_until(fmt::format("a server on port {}", port), [&] {
    if (ended_) {
      thread_.join();
      throw std::runtime_error("the server ended: " + transcript(exit_));
    }
    return accepts(port);
  });
}

}  // namespace everseal::system
