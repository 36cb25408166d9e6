#include "dns/observer.h"

#include "base/error.h"
#include "base/text.h"
#include "dns/packet.h"

#include <algorithm>
#include <set>
#include <utility>

namespace everseal::dns {
namespace {

using base::Error;
using base::Fault;

constexpr std::string_view kChallenge = "_acme-challenge.";
constexpr std::size_t kMostRecords = 200;
constexpr int kMostSteps = 16;

std::string_view parent(std::string_view name) {
  const auto dot = name.find('.');
  return dot == std::string_view::npos ? std::string_view() : name.substr(dot + 1);
}

base::BytesView octets_of(const ldns_rdf* data) { return {ldns_rdf_data(data), ldns_rdf_size(data)}; }

CaaRecord caa_of(const ldns_rr* record) {
  CaaRecord caa;
  if (ldns_rr_rd_count(record) != 3) return caa;
  caa.is_critical = (ldns_rdf2native_int8(ldns_rr_rdf(record, 0)) & 0x80) != 0;
  const base::BytesView tag = octets_of(ldns_rr_rdf(record, 1));  // with its length before it
  if (!tag.empty()) caa.tag = base::lower(base::as_text(tag.subspan(1)));
  caa.value = base::as_text(octets_of(ldns_rr_rdf(record, 2)));
  return caa;
}

TlsaRecord tlsa_of(const ldns_rr* record) {
  TlsaRecord tlsa;
  if (ldns_rr_rd_count(record) != 4) return tlsa;
  tlsa.usage = ldns_rdf2native_int8(ldns_rr_rdf(record, 0));
  tlsa.selector = ldns_rdf2native_int8(ldns_rr_rdf(record, 1));
  tlsa.matching = ldns_rdf2native_int8(ldns_rr_rdf(record, 2));
  const base::BytesView data = octets_of(ldns_rr_rdf(record, 3));
  tlsa.data.assign(data.begin(), data.end());
  return tlsa;
}

// The name at the end of the CNAMEs that a resolver followed for us.
std::string end_of_aliases(const ldns_pkt* answer, const std::string& name) {
  const Records records(answer, LDNS_RR_TYPE_CNAME, LDNS_SECTION_ANSWER);
  std::string at = name;
  for (int step = 0; step < kMostSteps; ++step) {
    std::string next;
    for (std::size_t i = 0; i < records.size(); ++i)
      if (owner(records[i]) == at) next = target(records[i]);
    if (next.empty()) break;
    at = std::move(next);
  }
  return at;
}

// Of the name, or of what it is an alias of.
template <class Record>
std::vector<Record> records_of(const ldns_pkt* answer, const std::string& name, ldns_rr_type type,
                               Record (*make)(const ldns_rr*)) {
  const Records records(answer, type, LDNS_SECTION_ANSWER);
  const std::string of = end_of_aliases(answer, name);
  std::vector<Record> all;
  for (std::size_t i = 0; i < records.size() && all.size() < kMostRecords; ++i)
    if (owner(records[i]) == of) all.push_back(make(records[i]));
  return all;
}

}  // namespace

struct Observer::Reply {
  PacketHandle packet;
  bool has_answer = false;  // NOERROR or NXDOMAIN
  bool is_authentic = false;
};

Observer::Observer(std::vector<Server> resolvers, std::chrono::milliseconds patience)
    : resolvers_(std::move(resolvers)), patience_(patience) {
  if (resolvers_.empty()) resolvers_ = system_resolvers();
}

Observer::Reply Observer::ask(const std::string& name, int type, bool validated, const std::stop_token& stop) {
  if (resolvers_.empty()) throw Error(Fault::config, "there is no resolver to ask", "name one in /etc/resolv.conf");
  const auto flags = static_cast<std::uint16_t>(LDNS_RD | LDNS_AD | (validated ? 0 : LDNS_CD));
  Reply last;
  std::string problems;
  for (const Server& server : resolvers_) {
    if (stop.stop_requested()) throw Error(Fault::cancelled, "stopped while looking in the DNS");
    PacketHandle answer;
    try {
      answer = exchange(server, name, static_cast<ldns_rr_type>(type), flags, patience_);
    } catch (const Error& error) {
      problems += (problems.empty() ? "" : "; ") + error.message();
      continue;
    }
    const ldns_pkt_rcode code = ldns_pkt_get_rcode(answer.get());
    if (code != LDNS_RCODE_NOERROR && code != LDNS_RCODE_NXDOMAIN && code != LDNS_RCODE_SERVFAIL) {
      problems += fmt::format("{}{} refuses to answer", problems.empty() ? "" : "; ", to_string(server));
      continue;
    }
    last.packet = std::move(answer);
    last.has_answer = code == LDNS_RCODE_NOERROR || code == LDNS_RCODE_NXDOMAIN;
    last.is_authentic = last.has_answer && ldns_pkt_ad(last.packet.get());
    has_validated_ = has_validated_ || last.is_authentic;
    if (last.has_answer) return last;
  }
  if (!last.packet) throw Error(Fault::unreachable, problems);
  return last;
}

Validation Observer::validation_of(const Reply& reply, const std::string& name, int type, const std::stop_token& stop) {
  if (reply.has_answer) return reply.is_authentic ? Validation::secure : Validation::insecure;
  if (!ask(name, type, false, stop).has_answer) return Validation::failing;
  has_validated_ = true;
  return Validation::bogus;
}

Caa Observer::caa(const std::string& name, const std::stop_token& stop) {
  for (std::string_view at = name; !at.empty(); at = parent(at)) {
    const std::string here(at);
    auto known = caa_.find(here);
    if (known == caa_.end()) {
      const Reply reply = ask(here, LDNS_RR_TYPE_CAA, true, stop);
      std::optional<std::vector<CaaRecord>> records;
      if (reply.has_answer) records = records_of(reply.packet.get(), here, LDNS_RR_TYPE_CAA, caa_of);
      known = caa_.emplace(here, std::move(records)).first;
    }
    if (!known->second) return {{}, {}, here};
    if (!known->second->empty()) return {here, *known->second, {}};
  }
  return {};
}

// By the SOA that an answer, or the lack of one, shows.
std::string Observer::zone(const std::string& name, const std::stop_token& stop) {
  for (std::string_view at = name; !at.empty(); at = parent(at)) {
    const Reply reply = ask(std::string(at), LDNS_RR_TYPE_SOA, false, stop);
    if (!reply.has_answer) return {};
    if (auto found = zone_in(reply.packet.get(), std::string(at)); !found.empty()) return found;
  }
  return {};
}

Observed Observer::observe(const std::string& name, ChallengeRecords challenge, CaaRecords caa_records,
                           std::stop_token stop) {
  Observed seen;
  seen.name = base::lower(name);
  seen.zone = zone(seen.name, stop);
  seen.validation = validation_of(ask(seen.name, LDNS_RR_TYPE_A, true, stop), seen.name, LDNS_RR_TYPE_A, stop);
  if (caa_records == CaaRecords::asked) seen.caa = caa(seen.name, stop);
  if (challenge == ChallengeRecords::not_asked) return seen;
  const std::string asked = std::string(kChallenge) + seen.name;
  const Reply aliases = ask(asked, LDNS_RR_TYPE_TXT, false, stop);
  const Validation validation = validation_of(ask(asked, LDNS_RR_TYPE_TXT, true, stop), asked, LDNS_RR_TYPE_TXT, stop);
  seen.challenge_validation = validation;
  // A resolver that cannot reach the end of an alias may say nothing but SERVFAIL; the alias itself can be had.
  std::string to = aliases.has_answer ? end_of_aliases(aliases.packet.get(), asked) : asked;
  if (to == asked) {
    const Reply direct = ask(asked, LDNS_RR_TYPE_CNAME, false, stop);
    if (direct.has_answer) to = end_of_aliases(direct.packet.get(), asked);
  }
  if (to != asked) seen.challenge = Alias{to, zone(to, stop), validation};
  return seen;
}

Tlsa Observer::tlsa(const std::string& name, std::stop_token stop) {
  const Reply reply = ask(name, LDNS_RR_TYPE_TLSA, true, stop);
  Tlsa seen;
  seen.validation = validation_of(reply, name, LDNS_RR_TYPE_TLSA, stop);
  if (reply.has_answer) seen.records = records_of(reply.packet.get(), base::lower(name), LDNS_RR_TYPE_TLSA, tlsa_of);
  return seen;
}

}  // namespace everseal::dns
