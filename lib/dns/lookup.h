// Questions to the DNS, asked of recursive resolvers and of the servers of a zone themselves (through ldns).
#pragma once

#include <chrono>
#include <stop_token>
#include <string>
#include <vector>

namespace everseal::dns {

// An address and a port of a name server, "192.0.2.1:53" or "[2001:db8::1]:53".
struct Server {
  std::string address;
  unsigned short port = 53;
};
// "192.0.2.1", "192.0.2.1:5353", "[::1]:5353". Throws Error(config).
Server parse_server(const std::string& text);
std::string to_string(const Server& server);

struct Zone {
  std::string name;             // owner of the SOA
  std::vector<Server> servers;  // every address of every NS; where they cannot be had, the reason is thrown
};

// Used by one thread at a time. Nothing is asked, nor /etc/resolv.conf read, before a call needs it. Errors:
// unreachable (nobody answered, SERVFAIL) with each question and each server, timed_out, cancelled.
class Lookup {
 public:
  // `resolvers` empty: those of /etc/resolv.conf. `server_port`: where the zones' own servers listen (53 but in tests).
  // `patience`: for one answer; a question is sent twice.
  explicit Lookup(std::vector<Server> resolvers = {}, unsigned short server_port = 53,
                  std::chrono::milliseconds patience = std::chrono::milliseconds(3'000));

  // Where `name` leads by CNAMEs (at most 16, a circle is Error(invalid)); `name` itself where there is none.
  std::string follow(const std::string& name, std::stop_token stop);
  // The name of the zone that holds `name`, which need not exist, by its SOA alone.
  std::string zone_name(const std::string& name, std::stop_token stop);
  // The same with its servers.
  Zone zone_of(const std::string& name, std::stop_token stop);
  // TXT values at `name`, each record's strings joined; empty where there are none.
  std::vector<std::string> txt(const std::string& name, const Server& server, std::stop_token stop);
  std::vector<std::string> txt(const std::string& name, std::stop_token stop);  // asked of the resolvers
  // Returns when every server of `zone` shows `value` at `name`, looking again with growing pauses. Error(timed_out)
  // after `bound`, with the servers that do not show it and what they said.
  void wait_for(const std::string& name, const std::string& value, const Zone& zone, std::chrono::seconds bound,
                std::stop_token stop);
  // The same of the resolvers, which is weaker: they may hold an older answer for a while.
  void wait_for(const std::string& name, const std::string& value, std::chrono::seconds bound, std::stop_token stop);

 private:
  const std::vector<Server>& resolvers();

  std::vector<Server> resolvers_;
  unsigned short server_port_;
  std::chrono::milliseconds patience_;
};

}  // namespace everseal::dns
