#include "net/listen.h"

#include "base/error.h"
#include "base/text.h"

#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace everseal::net {
namespace {

using base::Error;
using base::Fault;

struct Endpoint {
  sockaddr_storage storage{};
  socklen_t size = 0;
  sockaddr* address() noexcept { return reinterpret_cast<sockaddr*>(&storage); }
};

Endpoint ipv6(const in6_addr& address, std::uint16_t port) {
  Endpoint endpoint;
  sockaddr_in6 it{};
  it.sin6_family = AF_INET6;
  it.sin6_addr = address;
  it.sin6_port = htons(port);
  std::memcpy(&endpoint.storage, &it, sizeof it);
  endpoint.size = sizeof it;
  return endpoint;
}

Endpoint ipv4(const in_addr& address, std::uint16_t port) {
  Endpoint endpoint;
  sockaddr_in it{};
  it.sin_family = AF_INET;
  it.sin_addr = address;
  it.sin_port = htons(port);
  std::memcpy(&endpoint.storage, &it, sizeof it);
  endpoint.size = sizeof it;
  return endpoint;
}

Endpoint parse(const std::string& address, std::uint16_t port) {
  in6_addr six{};
  if (inet_pton(AF_INET6, address.c_str(), &six) == 1) return ipv6(six, port);
  in_addr four{};
  if (inet_pton(AF_INET, address.c_str(), &four) == 1) return ipv4(four, port);
  throw Error(Fault::config, fmt::format("{} is no IP address to listen on", base::printable(address)));
}

Error cannot_listen(const std::string& address, std::uint16_t port, int code) {
  std::string hint;
  if (code == EADDRINUSE) hint = "another program listens there; `ss -ltnp` shows which";
  if (code == EACCES) hint = "ports below 1024 need root or CAP_NET_BIND_SERVICE";
  if (code == EADDRNOTAVAIL) hint = "this host does not have that address";
  return Error(Fault::io,
               fmt::format("cannot listen on {} port {}: {}",
                           address.empty() ? "any address" : base::printable(address), port, base::errno_text(code)),
               hint);
}

// The errno of what failed, 0 for none.
int try_listen(Endpoint endpoint, base::FileDescriptor& into) {
  base::FileDescriptor socket(::socket(endpoint.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return errno;
  const int on = 1, off = 0;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (endpoint.storage.ss_family == AF_INET6) ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (::bind(socket.get(), endpoint.address(), endpoint.size) != 0) return errno;
  if (::listen(socket.get(), SOMAXCONN) != 0) return errno;
  into = std::move(socket);
  return 0;
}

std::uint16_t port_of(const base::FileDescriptor& socket) {
  Endpoint endpoint;
  endpoint.size = sizeof endpoint.storage;
  ::getsockname(socket.get(), endpoint.address(), &endpoint.size);
  if (endpoint.storage.ss_family == AF_INET6) {
    sockaddr_in6 it{};
    std::memcpy(&it, &endpoint.storage, sizeof it);
    return ntohs(it.sin6_port);
  }
  sockaddr_in it{};
  std::memcpy(&it, &endpoint.storage, sizeof it);
  return ntohs(it.sin_port);
}

}  // namespace

Listening listen_on(const std::string& address, std::uint16_t port) {
  base::FileDescriptor socket;
  int problem =
      address.empty() ? try_listen(ipv6(in6addr_any, port), socket) : try_listen(parse(address, port), socket);
  // A host without IPv6.
  if (address.empty() && (problem == EAFNOSUPPORT || problem == EADDRNOTAVAIL))
    problem = try_listen(ipv4(in_addr{htonl(INADDR_ANY)}, port), socket);
  if (problem != 0) throw cannot_listen(address, port, problem);
  const std::uint16_t bound = port_of(socket);
  return {std::move(socket), bound};
}

}  // namespace everseal::net
