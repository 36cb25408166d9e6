#include "dns/lookup.h"

#include "base/log.h"
#include "base/number.h"
#include "dns/packet.h"

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <set>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

namespace everseal::dns {
namespace {

using base::Error;
using base::Fault;
using std::chrono::milliseconds;

constexpr int kMostCnames = 16;
constexpr std::size_t kMostServers = 32;
constexpr milliseconds kShortestPatience{250};
constexpr milliseconds kFirstPause{200};
constexpr milliseconds kLongestPause{5'000};

// No route: a host without IPv6 must not wait for servers that have both.
bool can_be_reached(const Server& server) {
  sockaddr_in6 six{};
  if (inet_pton(AF_INET6, server.address.c_str(), &six.sin6_addr) != 1) return true;
  six.sin6_family = AF_INET6;
  six.sin6_port = htons(server.port);
  const base::FileDescriptor socket(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  return socket && ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&six), sizeof six) == 0;
}

// Without data, or word that there is none: throws unreachable.
PacketHandle ask(const Server& server, const std::string& name, ldns_rr_type type, std::uint16_t flags,
                 milliseconds patience) {
  PacketHandle answer = exchange(server, name, type, flags, patience);
  const ldns_pkt_rcode code = ldns_pkt_get_rcode(answer.get());
  if (code == LDNS_RCODE_NOERROR || code == LDNS_RCODE_NXDOMAIN) return answer;
  char* const text = ldns_pkt_rcode2str(code);
  Error error(Fault::unreachable,
              fmt::format("{} answers {}, asked for {}", to_string(server), text, question_text(name, type)));
  std::free(text);
  throw error;
}

PacketHandle ask_any(const std::vector<Server>& servers, const std::string& name, ldns_rr_type type,
                     milliseconds patience, const std::stop_token& stop) {
  if (servers.empty()) throw Error(Fault::config, "there is no resolver to ask", "name some with `resolvers`");
  std::string problems;
  for (const Server& server : servers) {
    if (stop.stop_requested()) throw Error(Fault::cancelled, "stopped while looking in the DNS");
    try {
      return ask(server, name, type, LDNS_RD, patience);
    } catch (const Error& error) {
      problems += (problems.empty() ? "" : "; ") + error.message();
    }
  }
  throw Error(Fault::unreachable, problems);
}

// The strings of one TXT record, joined (RFC 1035 section 3.3.14).
std::string text_of(const ldns_rr* record) {
  std::string text;
  for (std::size_t i = 0; i < ldns_rr_rd_count(record); ++i) {
    const ldns_rdf* const part = ldns_rr_rdf(record, i);
    const std::size_t size = ldns_rdf_size(part);
    if (size > 1) text.append(reinterpret_cast<const char*>(ldns_rdf_data(part)) + 1, size - 1);
  }
  return text;
}

std::vector<std::string> texts_in(const ldns_pkt* packet) {
  const Records records(packet, LDNS_RR_TYPE_TXT, LDNS_SECTION_ANSWER);
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < records.size(); ++i) texts.push_back(text_of(records[i]));
  return texts;
}

void pause(milliseconds duration, const std::stop_token& stop) {
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable_any changed;
  changed.wait_for(lock, stop, duration, [] { return false; });
  if (stop.stop_requested()) throw Error(Fault::cancelled, "stopped while DNS records spread");
}

// Looks at all of `servers`, those that have shown it left out, until none is left. `look` is told how patient to be,
// so that silent servers do not draw a wait out far beyond its bound.
void wait_for_all(const std::string& name, const std::string& value, std::vector<Server> servers,
                  std::chrono::seconds bound, milliseconds patience, const std::stop_token& stop, auto look) {
  const auto end = std::chrono::steady_clock::now() + bound;
  const auto patience_left = [&] {
    const auto left = std::chrono::floor<milliseconds>(end - std::chrono::steady_clock::now());
    return std::clamp(left / kTries, std::min(kShortestPatience, patience), patience);
  };
  for (milliseconds wait = kFirstPause;; wait = std::min(kLongestPause, wait * 2)) {
    std::string missing;
    std::erase_if(servers, [&](const Server& server) {
      if (stop.stop_requested()) throw Error(Fault::cancelled, "stopped while DNS records spread");
      try {
        const std::vector<std::string> shown = look(server, patience_left());
        if (std::ranges::find(shown, value) != shown.end()) return true;
        missing +=
            fmt::format("{}{} shows {}", missing.empty() ? "" : "; ", to_string(server),
                        shown.empty() ? std::string("no TXT record") : fmt::format("{} other value(s)", shown.size()));
      } catch (const Error& error) {
        missing += (missing.empty() ? "" : "; ") + error.message();
      }
      return false;
    });
    if (servers.empty()) return;
    if (std::chrono::steady_clock::now() + wait > end)
      throw Error(Fault::timed_out,
                  fmt::format("TXT at {} is not visible everywhere: {}", base::printable(name), missing),
                  "`propagation_timeout` gives it longer");
    pause(wait, stop);
  }
}

}  // namespace

Server parse_server(const std::string& text) {
  Server server;
  std::string port;
  const auto colon = text.rfind(':');
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string::npos || (end + 1 < text.size() && text[end + 1] != ':'))
      throw Error(Fault::config, fmt::format("{} is no address of a name server", base::printable(text)));
    server.address = text.substr(1, end - 1);
    if (end + 1 < text.size()) port = text.substr(end + 2);
  } else if (colon != std::string::npos && text.find(':') == colon) {
    server.address = text.substr(0, colon);
    port = text.substr(colon + 1);
  } else {
    server.address = text;
  }
  in6_addr ignored{};
  const bool is_address = inet_pton(AF_INET, server.address.c_str(), &ignored) == 1 ||
                          inet_pton(AF_INET6, server.address.c_str(), &ignored) == 1;
  bool is_port = true;
  if (!port.empty() || text.ends_with(':')) {
    server.port = base::parse_number<decltype(server.port)>(port).value_or(0);
    is_port = server.port != 0;
  }
  if (!is_address || !is_port)
    throw Error(Fault::config, fmt::format("{} is no address of a name server", base::printable(text)),
                "write 192.0.2.1, 192.0.2.1:5353 or [2001:db8::1]:53");
  return server;
}

std::string to_string(const Server& server) {
  return server.address.find(':') == std::string::npos ? fmt::format("{}:{}", server.address, server.port)
                                                       : fmt::format("[{}]:{}", server.address, server.port);
}

Lookup::Lookup(std::vector<Server> resolvers, unsigned short server_port, milliseconds patience)
    : resolvers_(std::move(resolvers)), server_port_(server_port), patience_(patience) {}

const std::vector<Server>& Lookup::resolvers() {
  if (resolvers_.empty()) resolvers_ = system_resolvers();
  return resolvers_;
}

std::string Lookup::follow(const std::string& name, std::stop_token stop) {
  std::string at = base::lower(name);
  std::set<std::string> seen{at};
  for (;;) {
    const PacketHandle answer = ask_any(resolvers(), at, LDNS_RR_TYPE_CNAME, patience_, stop);
    const Records records(answer.get(), LDNS_RR_TYPE_CNAME, LDNS_SECTION_ANSWER);
    std::string next;
    for (std::size_t i = 0; i < records.size(); ++i)
      if (owner(records[i]) == at) next = target(records[i]);
    if (next.empty()) return at;
    if (!seen.insert(next).second || seen.size() > kMostCnames)
      throw Error(Fault::invalid, fmt::format("the CNAMEs from {} lead nowhere", base::printable(name)),
                  "correct them in the DNS, or set `follow_cname = false`");
    at = std::move(next);
  }
}

std::string Lookup::zone_name(const std::string& name, std::stop_token stop) {
  std::string zone;
  for (std::string at = base::lower(name); zone.empty();) {
    const PacketHandle answer = ask_any(resolvers(), at, LDNS_RR_TYPE_SOA, patience_, stop);
    zone = zone_in(answer.get(), at);
    const auto dot = at.find('.');
    if (zone.empty() && dot == std::string::npos)
      throw Error(Fault::unreachable, fmt::format("no zone in the DNS holds {}", base::printable(name)));
    if (zone.empty()) at = at.substr(dot + 1);
  }
  return zone;
}

Zone Lookup::zone_of(const std::string& name, std::stop_token stop) {
  const std::string zone = zone_name(name, stop);
  Zone result{zone, {}};
  const PacketHandle answer = ask_any(resolvers(), zone, LDNS_RR_TYPE_NS, patience_, stop);
  const Records names(answer.get(), LDNS_RR_TYPE_NS, LDNS_SECTION_ANSWER);
  for (std::size_t i = 0; i < names.size(); ++i) {
    for (const ldns_rr_type type : {LDNS_RR_TYPE_A, LDNS_RR_TYPE_AAAA}) {
      const PacketHandle addresses = ask_any(resolvers(), target(names[i]), type, patience_, stop);
      const Records records(addresses.get(), type, LDNS_SECTION_ANSWER);
      for (std::size_t k = 0; k < records.size() && result.servers.size() < kMostServers; ++k) {
        char* const text = ldns_rdf2str(ldns_rr_rdf(records[k], 0));
        const Server server{text, server_port_};
        std::free(text);
        if (can_be_reached(server)) result.servers.push_back(server);
      }
    }
  }
  if (result.servers.empty())
    throw Error(Fault::unreachable,
                fmt::format("no name server of {} has an address that can be reached", base::printable(zone)));
  return result;
}

std::vector<std::string> Lookup::txt(const std::string& name, const Server& server, std::stop_token stop) {
  if (stop.stop_requested()) throw Error(Fault::cancelled, "stopped while looking in the DNS");
  return texts_in(ask(server, name, LDNS_RR_TYPE_TXT, 0, patience_).get());
}

std::vector<std::string> Lookup::txt(const std::string& name, std::stop_token stop) {
  return texts_in(ask_any(resolvers(), name, LDNS_RR_TYPE_TXT, patience_, stop).get());
}

void Lookup::wait_for(const std::string& name, const std::string& value, const Zone& zone, std::chrono::seconds bound,
                      std::stop_token stop) {
  wait_for_all(name, value, zone.servers, bound, patience_, stop, [&](const Server& server, milliseconds patience) {
    return texts_in(ask(server, name, LDNS_RR_TYPE_TXT, 0, patience).get());
  });
}

void Lookup::wait_for(const std::string& name, const std::string& value, std::chrono::seconds bound,
                      std::stop_token stop) {
  wait_for_all(name, value, resolvers(), bound, patience_, stop, [&](const Server& server, milliseconds patience) {
    return texts_in(ask(server, name, LDNS_RR_TYPE_TXT, LDNS_RD, patience).get());
  });
}

}  // namespace everseal::dns
