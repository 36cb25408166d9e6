#include "system/daemon.h"

#include <filesystem>
#include <stdexcept>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/file.h>
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

sockaddr_in address_of(int port, const char* host = "127.0.0.1") {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  ::inet_pton(AF_INET, host, &address.sin_addr);
  return address;
}

bool accepts(int port, const std::string& host) {
  const Socket socket;
  const sockaddr_in address = address_of(port, host.c_str());
  return ::connect(socket.descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace

// Test programs run beside each other. Below where the system picks ports for those who connect, and claimed by a lock
// on a file that ends with the process, a port is this process's from here until its server listens, and again between
// two servers at one port.
int free_port() {
  static constexpr int kFirst = 20'000, kPorts = 10'000;
  static int next = ::getpid();
  const std::string claims = fmt::format("/tmp/everseal-test-ports-{}", ::getuid());
  std::filesystem::create_directories(claims);
  for (int tried = 0; tried < kPorts; ++tried) {
    const int port = kFirst + next++ % kPorts;
    const int claim = ::open(fmt::format("{}/{}", claims, port).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (claim < 0) throw std::runtime_error("no port can be claimed");
    const Socket socket;
    const sockaddr_in address = address_of(port);
    if (::flock(claim, LOCK_EX | LOCK_NB) == 0 &&
        ::bind(socket.descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
      return port;  // with the claim, for the life of the process
    ::close(claim);
  }
  throw std::runtime_error("no port is free");
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

void Daemon::wait_for_port(int port, const std::string& address) {
  wait_until(fmt::format("a server on port {}", port), [&] {
    if (ended_) {
      thread_.join();
      throw std::runtime_error("the server ended: " + transcript(exit_));
    }
    return accepts(port, address);
  });
}

}  // namespace everseal::system
