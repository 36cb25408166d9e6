#include "probe/resolve.h"

#include "base/error.h"
#include "base/handle.h"
#include "base/text.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>

#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace everseal::probe {
namespace {

using AddressList = base::Handle<addrinfo, freeaddrinfo>;

struct Lookup {
  std::string host;
  int port;
  base::FileDescriptor done;
  std::mutex mutex;
  Resolved result;  // guarded by mutex
};

std::string text_of(const addrinfo& info, int port) {
  char host[NI_MAXHOST];
  if (::getnameinfo(info.ai_addr, info.ai_addrlen, host, sizeof host, nullptr, 0, NI_NUMERICHOST) != 0) return "?";
  return info.ai_family == AF_INET6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

Resolved look_up(const std::string& host, int port, int flags) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* first = nullptr;
  const int failed = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &first);
  const AddressList list(first);
  Resolved resolved;
  if (failed != 0) {
    const std::string reason = failed == EAI_SYSTEM ? std::strerror(errno) : ::gai_strerror(failed);
    resolved.problem = fmt::format("cannot resolve {}: {}", base::printable(host), base::lower(reason));
    return resolved;
  }
  for (const addrinfo* info = list.get(); info != nullptr; info = info->ai_next) {
    Address address;
    if (info->ai_addrlen > sizeof address.socket) continue;
    std::memcpy(&address.socket, info->ai_addr, info->ai_addrlen);
    address.size = info->ai_addrlen;
    address.text = text_of(*info, port);
    const bool known =
        std::ranges::any_of(resolved.addresses, [&](const Address& a) { return a.text == address.text; });
    if (!known) resolved.addresses.push_back(std::move(address));
  }
  if (resolved.addresses.empty()) resolved.problem = fmt::format("{} has no address", base::printable(host));
  return resolved;
}

void answer(const std::shared_ptr<Lookup>& lookup) {
  Resolved result = look_up(lookup->host, lookup->port, 0);
  {
    const std::scoped_lock lock(lookup->mutex);
    lookup->result = std::move(result);
  }
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(lookup->done.get(), &one, sizeof one);
}

}  // namespace

bool is_address(const std::string& host) { return !look_up(host, 0, AI_NUMERICHOST).addresses.empty(); }

Resolved resolve(const std::string& host, int port, Waiter& waiter) {
  if (Resolved literal = look_up(host, port, AI_NUMERICHOST); !literal.addresses.empty()) return literal;

  auto lookup = std::make_shared<Lookup>();
  lookup->host = host;
  lookup->port = port;
  lookup->done = base::FileDescriptor(::eventfd(0, EFD_CLOEXEC));
  if (!lookup->done) throw base::errno_error("make", "an event descriptor");
  try {
    std::thread(answer, lookup).detach();
  } catch (const std::system_error& error) {
    throw base::Error(base::Fault::io, fmt::format("cannot start a thread that resolves {}: {}", base::printable(host),
                                                   error.code().message()));
  }
  if (waiter.wait(lookup->done.get(), POLLIN, Clock::time_point::max()) == Waiter::Ended::timed_out) {
    Resolved late;
    late.timed_out = true;
    late.problem = fmt::format("resolving {} took too long", base::printable(host));
    return late;
  }
  const std::scoped_lock lock(lookup->mutex);
  return lookup->result;
}

}  // namespace everseal::probe
