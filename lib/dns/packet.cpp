#include "dns/packet.h"

#include "base/log.h"

#include <cstdlib>

namespace everseal::dns {
namespace {

using base::Error;
using base::Fault;

constexpr std::uint16_t kLargestDatagram = 1232;
constexpr std::string_view kResolvConf = "/etc/resolv.conf";

// Whether `answer` says that it is about that question (RFC 5452 section 4.2).
bool is_about(const ldns_pkt* answer, const ldns_rdf* name, ldns_rr_type type) {
  const ldns_rr_list* const questions = ldns_pkt_question(answer);
  if (ldns_rr_list_rr_count(questions) != 1) return false;
  const ldns_rr* const question = ldns_rr_list_rr(questions, 0);
  return ldns_rr_get_type(question) == type && ldns_dname_compare(ldns_rr_owner(question), name) == 0;
}

bool is_at_or_below(const std::string& name, const std::string& zone) {
  return zone.empty() || name == zone || name.ends_with("." + zone);
}

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

std::vector<Server> system_resolvers() {
  ldns_resolver* read = nullptr;
  if (ldns_resolver_new_frm_file(&read, kResolvConf.data()) != LDNS_STATUS_OK)
    throw Error(Fault::io, fmt::format("cannot read the resolvers from {}", kResolvConf), "name some with `resolvers`");
  const ResolverHandle resolver(read);
  std::vector<Server> servers;
  for (std::size_t i = 0; i < ldns_resolver_nameserver_count(read); ++i) {
    char* const text = ldns_rdf2str(ldns_resolver_nameservers(read)[i]);
    servers.push_back({text, 53});
    std::free(text);
  }
  return servers;
}

std::string question_text(const std::string& name, ldns_rr_type type) {
  char* const text = ldns_rr_type2str(type);
  std::string question = fmt::format("{} of {}", text, base::printable(name));
  std::free(text);
  return question;
}

PacketHandle exchange(const Server& server, const std::string& name, ldns_rr_type type, std::uint16_t flags,
                      std::chrono::milliseconds patience) {
  const ResolverHandle resolver = make_resolver(server, patience);
  const RdataHandle dname = to_dname(name);
  ldns_pkt* made = nullptr;
  if (ldns_resolver_prepare_query_pkt(&made, resolver.get(), dname.get(), type, LDNS_RR_CLASS_IN, flags) !=
      LDNS_STATUS_OK)
    throw Error(Fault::internal, "cannot make a question to the DNS");
  const PacketHandle question(made);
  ldns_pkt* received = nullptr;
  const ldns_status status = ldns_resolver_send_pkt(&received, resolver.get(), question.get());
  PacketHandle answer(received);
  const auto unreachable = [&](std::string_view what) {
    return Error(Fault::unreachable,
                 fmt::format("{} {}, asked for {}", to_string(server), what, question_text(name, type)));
  };
  base::log::debug("DNS {} at {}: {}", question_text(name, type), to_string(server),
                   status != LDNS_STATUS_OK || !answer
                       ? std::string(ldns_get_errorstr_by_id(status))
                       : fmt::format("{} record(s), rcode {}", ldns_pkt_ancount(answer.get()),
                                     static_cast<int>(ldns_pkt_get_rcode(answer.get()))));
  // LDNS_STATUS_ERR is what ldns says of silence, too.
  if (status == LDNS_STATUS_ERR) throw unreachable("does not answer");
  if (status != LDNS_STATUS_OK || !answer)
    throw unreachable(fmt::format("does not answer ({})", ldns_get_errorstr_by_id(status)));
  const ldns_pkt_rcode code = ldns_pkt_get_rcode(answer.get());
  const bool has_data = code == LDNS_RCODE_NOERROR || code == LDNS_RCODE_NXDOMAIN;
  if (ldns_pkt_id(answer.get()) != ldns_pkt_id(question.get()) ||
      (has_data && !is_about(answer.get(), dname.get(), type)))
    throw unreachable("answers another question");
  if (ldns_pkt_tc(answer.get())) throw unreachable("cuts its answer even over TCP");
  return answer;
}

std::string owner(const ldns_rr* record) { return to_name(ldns_rr_owner(record)); }
std::string target(const ldns_rr* record) { return to_name(ldns_rr_rdf(record, 0)); }

std::string zone_in(const ldns_pkt* answer, const std::string& name) {
  for (const ldns_pkt_section section : {LDNS_SECTION_ANSWER, LDNS_SECTION_AUTHORITY}) {
    const Records records(answer, LDNS_RR_TYPE_SOA, section);
    for (std::size_t i = 0; i < records.size(); ++i)
      if (std::string found = owner(records[i]); !found.empty() && is_at_or_below(name, found)) return found;
  }
  return {};
}

}  // namespace everseal::dns
