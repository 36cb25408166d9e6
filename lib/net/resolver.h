// Host names to addresses, many at once on one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/socket.h>

namespace everseal::net {

enum class Families { both, ipv4, ipv6 };

struct Resolved {
  // Port 0, without duplicates. IPv6 stands before IPv4, and what this host has no route to at the end (RFC 6724
  // section 6, rules 1 and 6).
  std::vector<sockaddr_storage> addresses;
  std::string problem;  // where there is none
  bool timed_out = false;
};

// Asks the name servers of /etc/resolv.conf (c-ares), and again what got no answer, as datagrams are lost. /etc/hosts
// comes first; what neither knows is asked once of the system's own resolver, which may know more sources (mDNS, LDAP),
// in at most eight threads that are left behind where it blocks. One thread at a time. It owns no loop: whoever has one
// watches descriptors for it.
class Resolver {
 public:
  using Clock = std::chrono::steady_clock;
  // Says what is waited for at a descriptor from now on; neither: nothing any more.
  using Watch = std::function<void(int descriptor, bool readable, bool writable)>;

  // `servers`: "10.0.0.53" or "10.0.0.53:5300", instead of all that the system would ask, /etc/hosts included. Throws
  // Error(usage) where one is no address, Error(io) where the machine has no descriptor left.
  Resolver(Watch watch, Families families, std::chrono::milliseconds limit,
           const std::vector<std::string>& servers = {});
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // The answer comes by take_answers(), with this number, which is higher than any before; at the latest after `limit`.
  void ask(std::uint64_t number, const std::string& host);
  // A watched descriptor is ready.
  void ready(int descriptor, bool readable, bool writable);
  // Does what is due; says when it is to be called again, nullopt: not before something is asked or ready.
  std::optional<Clock::time_point> tick();
  std::vector<std::pair<std::uint64_t, Resolved>> take_answers();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace everseal::net
