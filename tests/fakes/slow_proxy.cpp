#include "fakes/slow_proxy.h"

#include "base/handle.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <list>
#include <mutex>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace everseal::fakes {
namespace {

using base::FileDescriptor;

constexpr std::size_t kLargestHead = 8192;

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

FileDescriptor make_socket() {
  FileDescriptor made(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (made.get() < 0) throw std::runtime_error("cannot make a socket");
  return made;
}

bool send_all(int socket, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

// The port of "CONNECT 127.0.0.1:PORT HTTP/1.1"; 0 where the client asks for something else.
int asked_port(int client) {
  std::string head;
  while (head.find("\r\n\r\n") == std::string::npos) {
    std::array<char, 1024> part{};
    const ssize_t got = ::recv(client, part.data(), part.size(), 0);
    if (got <= 0 || head.size() > kLargestHead) return 0;
    head.append(part.data(), static_cast<std::size_t>(got));
  }
  const std::size_t colon = head.find(':');
  if (!head.starts_with("CONNECT ") || colon == std::string::npos) return 0;
  return std::atoi(head.c_str() + colon + 1);
}

}  // namespace

struct SlowProxy::State {
  std::chrono::milliseconds delay;
  FileDescriptor listener;
  int port = 0;
  std::atomic<bool> ends = false;
  std::atomic<int> tunnels = 0;
  std::mutex mutex;
  int waiting = 0;
  int most = 0;
  std::list<std::jthread> threads;  // of the accepting thread alone
  std::jthread accepting;

  void wait_begins() {
    const std::scoped_lock lock(mutex);
    most = std::max(most, ++waiting);
  }
  void wait_ends() {
    const std::scoped_lock lock(mutex);
    --waiting;
  }

  void accept_all() {
    while (!ends) {
      pollfd ready{listener.get(), POLLIN, 0};
      if (::poll(&ready, 1, 20) <= 0) continue;
      FileDescriptor client(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (client.get() >= 0)
        threads.emplace_back([this, client = std::move(client)]() mutable { tunnel(client.get()); });
    }
  }

  void tunnel(int client) {
    const int wanted = asked_port(client);
    const FileDescriptor server = make_socket();
    const sockaddr_in address = loopback(wanted);
    if (wanted == 0 || ::connect(server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      send_all(client, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
      return;
    }
    const int now = 1;
    for (const int socket : {client, server.get()}) ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &now, sizeof now);
    ++tunnels;
    if (send_all(client, "HTTP/1.1 200 OK\r\n\r\n")) carry(client, server.get());
  }

  void carry(int client, int server) {
    bool is_waiting = false;
    std::array<char, 1 << 16> part{};
    while (!ends) {
      std::array<pollfd, 2> ready{{{client, POLLIN, 0}, {server, POLLIN, 0}}};
      if (::poll(ready.data(), ready.size(), 20) <= 0) continue;
      const bool from_server = ready[1].revents != 0;
      const ssize_t got = ::recv(from_server ? server : client, part.data(), part.size(), 0);
      if (got <= 0) break;
      if (from_server && is_waiting) {
        std::this_thread::sleep_for(delay);
        wait_ends();
      } else if (!from_server && !is_waiting) {
        wait_begins();
      }
      is_waiting = !from_server;
      if (!send_all(from_server ? client : server, {part.data(), static_cast<std::size_t>(got)})) break;
    }
    if (is_waiting) wait_ends();
  }
};

SlowProxy::SlowProxy(std::chrono::milliseconds delay) : state_(std::make_unique<State>()) {
  state_->delay = delay;
  state_->listener = make_socket();
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  if (::bind(state_->listener.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      ::listen(state_->listener.get(), 128) != 0 ||
      ::getsockname(state_->listener.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("the proxy cannot listen");
  state_->port = ntohs(address.sin_port);
  state_->accepting = std::jthread([this] { state_->accept_all(); });
}

SlowProxy::~SlowProxy() {
  state_->ends = true;
  state_->accepting.join();
}

std::string SlowProxy::url() const { return fmt::format("http://127.0.0.1:{}", state_->port); }

int SlowProxy::tunnels() const { return state_->tunnels; }

int SlowProxy::most_at_once() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->most;
}

}  // namespace everseal::fakes
