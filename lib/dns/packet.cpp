#include "dns/packet.h"

#include <cstdlib>

namespace everseal::dns {
namespace {

using base::Error;
using base::Fault;

constexpr std::uint16_t kLargestDatagram = 1232;

}  // namespace

RdataHandle to_dname(const std::string& name) {
  RdataHandle dname(ldns_dname_new_frm_str((name + ".").c_str()));
  if (!dname) throw Error(Fault::invalid, fmt::format("{} is no domain name", base::printable(name)));
  return dname;
}

std::string to_name(const ldns_rdf* dname) {
  char* const text = ldns_rdf2str(dname);
  if (text == nullptr) throw Error(Fault::internal, "out of memory for a domain name");
  std::string name = base::lower(text);
  std::free(text);
  if (name.ends_with('.')) name.pop_back();
  return name;
}

ResolverHandle make_resolver(const Server& server, std::chrono::milliseconds patience) {
  ResolverHandle resolver(ldns_resolver_new());
  const ldns_rdf_type type = server.address.find(':') == std::string::npos ? LDNS_RDF_TYPE_A : LDNS_RDF_TYPE_AAAA;
  const RdataHandle address(ldns_rdf_new_frm_str(type, server.address.c_str()));
  if (!resolver || !address || ldns_resolver_push_nameserver(resolver.get(), address.get()) != LDNS_STATUS_OK)
    throw Error(Fault::config, fmt::format("{} is no address of a name server", base::printable(server.address)));
  ldns_resolver_set_port(resolver.get(), server.port);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(patience);
  ldns_resolver_set_timeout(
      resolver.get(), {.tv_sec = seconds.count(), .tv_usec = std::chrono::microseconds(patience - seconds).count()});
  ldns_resolver_set_retry(resolver.get(), kTries);
  ldns_resolver_set_fail(resolver.get(), false);
  ldns_resolver_set_edns_udp_size(resolver.get(), kLargestDatagram);
  return resolver;
}

}  // namespace everseal::dns
