// ldns objects with owners. For this module's .cpp files.
#pragma once

#include "base/error.h"
#include "base/handle.h"
#include "base/text.h"
#include "dns/lookup.h"

#include <chrono>
#include <cstdint>
#include <string>

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

}  // namespace everseal::dns
