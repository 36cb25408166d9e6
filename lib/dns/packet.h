// ldns objects with owners. For this module's .cpp files.
#pragma once

#include "base/error.h"
#include "base/handle.h"
#include "base/text.h"
#include "dns/lookup.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <ldns/ldns.h>

namespace everseal::dns {

using PacketHandle = base::Handle<ldns_pkt, ldns_pkt_free>;
using ResolverHandle = base::Handle<ldns_resolver, ldns_resolver_deep_free>;
using RdataHandle = base::Handle<ldns_rdf, ldns_rdf_deep_free>;
using RecordHandle = base::Handle<ldns_rr, ldns_rr_free>;
using RecordListHandle = base::Handle<ldns_rr_list, ldns_rr_list_deep_free>;

// Error(invalid) for what is no domain name.
RdataHandle to_dname(const std::string& name);
// In lower case, without the trailing dot.
std::string to_name(const ldns_rdf* dname);
constexpr std::uint8_t kTries = 2;
// A resolver with that one server, UDP with TCP where an answer is cut. Each of kTries waits for `patience`.
ResolverHandle make_resolver(const Server& server, std::chrono::milliseconds patience);

// Those of /etc/resolv.conf. Error(io).
std::vector<Server> system_resolvers();
// "SOA of example.org"
std::string question_text(const std::string& name, ldns_rr_type type);
// What the server says, whatever that is; Error(unreachable) for silence, the answer to another question, and one that
// is cut even over TCP.
PacketHandle exchange(const Server& server, const std::string& name, ldns_rr_type type, std::uint16_t flags,
                      std::chrono::milliseconds patience);

// Of one type, in one section.
class Records {
 public:
  Records(const ldns_pkt* packet, ldns_rr_type type, ldns_pkt_section section)
      : list_(ldns_pkt_rr_list_by_type(packet, type, section)) {}
  std::size_t size() const { return list_ ? ldns_rr_list_rr_count(list_.get()) : 0; }
  const ldns_rr* operator[](std::size_t i) const { return ldns_rr_list_rr(list_.get(), i); }

 private:
  RecordListHandle list_;
};

std::string owner(const ldns_rr* record);
std::string target(const ldns_rr* record);  // of a CNAME, an NS
// The zone that holds `name` by an SOA in the answer; "" where none stands there.
std::string zone_in(const ldns_pkt* answer, const std::string& name);

}  // namespace everseal::dns
