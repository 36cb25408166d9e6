// The system's own resolver, which cannot be interrupted, in threads that are left behind.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <netdb.h>
#include <sys/socket.h>

namespace everseal::net {

struct SystemAnswer {
  std::uint64_t number = 0;
  std::vector<sockaddr_storage> addresses;
  std::string problem;
};

// One thread at a time.
class SystemResolver {
 public:
  explicit SystemResolver(int family);  // AF_UNSPEC, AF_INET, AF_INET6. Throws Error(io) without a descriptor.
  ~SystemResolver();
  SystemResolver(const SystemResolver&) = delete;
  SystemResolver& operator=(const SystemResolver&) = delete;

  void ask(std::uint64_t number, const std::string& host);
  int descriptor() const noexcept;  // readable once there are answers
  std::vector<SystemAnswer> take();

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

// getaddrinfo(3) for a stream, with `flags`. Blocks but with AI_NUMERICHOST.
SystemAnswer look_up(const std::string& host, int family, int flags);
// "127.0.0.1", "::1"; "" where it is neither IPv4 nor IPv6.
std::string numeric_host(const sockaddr& address);

}  // namespace everseal::net
