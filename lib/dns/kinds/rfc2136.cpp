// Dynamic updates (RFC 2136), signed with a shared key (RFC 8945).
#include "base/file.h"
#include "dns/dns.h"
#include "dns/packet.h"
#include "dns/tsig_key.h"

#include <netdb.h>
#include <sys/socket.h>

namespace everseal::dns {
namespace {

using base::Error;
using base::Fault;
using base::OptionType;

constexpr base::Option kRfc2136Options[] = {
    {.name = "server", .summary = "the primary name server: HOST, ADDRESS or ADDRESS:PORT", .required = true},
    {.name = "tsig_key_file",
     .type = OptionType::secret_file,
     .summary = "the key, as `tsig-keygen` writes it: key \"NAME\" { algorithm hmac-sha256; secret \"...\"; };",
     .required = true},
    {.name = "ttl",
     .type = OptionType::duration,
     .summary = "how long resolvers may keep the record",
     .fallback = "1m"},
};

constexpr std::chrono::seconds kPatience{3};  // for one answer

Server server_of(const std::string& text) {
  try {
    return parse_server(text);
  } catch (const Error&) {
    // a host name, below
  }
  const auto colon = text.rfind(':');
  const std::string host = text.substr(0, colon);
  const std::string port = colon == std::string::npos ? "53" : text.substr(colon + 1);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int problem = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
  const base::Handle<addrinfo, ::freeaddrinfo> addresses(found);
  char address[NI_MAXHOST];
  char number[NI_MAXSERV];
  if (problem != 0 || ::getnameinfo(found->ai_addr, found->ai_addrlen, address, sizeof address, number, sizeof number,
                                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    throw Error(Fault::unreachable,
                fmt::format("the name server {} has no address: {}", base::printable(text), ::gai_strerror(problem)));
  return {address, static_cast<unsigned short>(std::atoi(number))};
}

// What RFC 2136 section 2.2 and RFC 8945 section 3 mean by it, and what to do.
Error refused_update(ldns_pkt_rcode code, const TxtRecord& record, const Server& server) {
  char* const text = ldns_pkt_rcode2str(code);
  const std::string message = fmt::format("{} refuses the update of {}: {}", to_string(server), record.name, text);
  std::free(text);
  switch (code) {
    case LDNS_RCODE_NOTAUTH:
      // A key that it does not know shows in the signature, which was verified before.
      return Error(Fault::config, message, "the server is no primary of that zone, or the clocks differ");
    case LDNS_RCODE_NOTZONE:
      return Error(Fault::config, message, fmt::format("{} is not in the zone {}", record.name, record.zone));
    case LDNS_RCODE_REFUSED:
      return Error(Fault::denied, message, "the server's update policy does not let this key change that name");
    case LDNS_RCODE_SERVFAIL:
      return Error(Fault::unreachable, message, "the server's log says more");
    default:
      return Error(Fault::denied, message);
  }
}

RecordHandle make_record(const TxtRecord& record, ldns_rr_class change, std::uint32_t ttl) {
  RecordHandle made(ldns_rr_new());
  ldns_rdf* value = nullptr;
  if (!made || ldns_str2rdf_str(&value, record.value.c_str()) != LDNS_STATUS_OK)
    throw Error(Fault::invalid, fmt::format("{} is no value of a TXT record", base::printable(record.value)));
  ldns_rr_set_owner(made.get(), to_dname(record.name).release());
  ldns_rr_set_type(made.get(), LDNS_RR_TYPE_TXT);
  ldns_rr_set_class(made.get(), change);
  ldns_rr_set_ttl(made.get(), ttl);
  ldns_rr_push_rdf(made.get(), value);
  return made;
}

class Rfc2136 final : public Provider {
 public:
  explicit Rfc2136(const base::Options& options)
      : server_text_(options.string("server")),
        key_(parse_tsig_key(base::read_secret_document(options.string("tsig_key_file")))),
        ttl_(static_cast<std::uint32_t>(options.duration("ttl")->count())) {}

  void add(const TxtRecord& record, std::stop_token) override { update(record, LDNS_RR_CLASS_IN, ttl_); }
  // Section 2.5.4: class NONE deletes this one record of the set.
  void remove(const TxtRecord& record, std::stop_token) override { update(record, LDNS_RR_CLASS_NONE, 0); }

 private:
  void update(const TxtRecord& record, ldns_rr_class change, std::uint32_t ttl) {
    const Server server = server_of(server_text_);
    const ResolverHandle resolver = make_resolver(server, kPatience);
    ldns_resolver_set_usevc(resolver.get(), true);
    ldns_resolver_set_tsig_keyname(resolver.get(), key_.name.c_str());
    ldns_resolver_set_tsig_algorithm(resolver.get(), (key_.algorithm + ".").c_str());
    ldns_resolver_set_tsig_keydata(resolver.get(), std::string(key_.secret.reveal_text()).c_str());
    const RecordListHandle updates(ldns_rr_list_new());
    ldns_rr_list_push_rr(updates.get(), make_record(record, change, ttl).release());
    const PacketHandle packet(
        ldns_update_pkt_new(to_dname(record.zone).release(), LDNS_RR_CLASS_IN, nullptr, updates.get(), nullptr));
    if (!packet) throw Error(Fault::internal, "cannot make the update");
    ldns_pkt_set_random_id(packet.get());
    if (const ldns_status status = ldns_update_pkt_tsig_add(packet.get(), resolver.get()); status != LDNS_STATUS_OK)
      throw Error(Fault::config, fmt::format("cannot sign the update: {}", ldns_get_errorstr_by_id(status)));
    ldns_pkt* received = nullptr;
    const ldns_status status = ldns_resolver_send_pkt(&received, resolver.get(), packet.get());
    const PacketHandle answer(received);
    if (status == LDNS_STATUS_CRYPTO_TSIG_BOGUS || status == LDNS_STATUS_CRYPTO_TSIG_ERR)
      throw Error(Fault::denied, fmt::format("the answer of {} is not signed with the key", to_string(server)),
                  "is the key in `tsig_key_file` that of the server, and are both clocks right?");
    if (status != LDNS_STATUS_OK || !answer)
      throw Error(Fault::unreachable,
                  fmt::format("{} does not answer: {}", to_string(server), ldns_get_errorstr_by_id(status)));
    if (const ldns_pkt_rcode code = ldns_pkt_get_rcode(answer.get()); code != LDNS_RCODE_NOERROR)
      throw refused_update(code, record, server);
  }

  std::string server_text_;
  TsigKey key_;
  std::uint32_t ttl_;
};

std::unique_ptr<Provider> open_rfc2136(const base::Options& options) { return std::make_unique<Rfc2136>(options); }

}  // namespace

extern const Kind rfc2136_kind;
const Kind rfc2136_kind{"rfc2136", "dynamic updates of a name server: BIND, Knot, PowerDNS, ...", kRfc2136Options,
                        open_rfc2136};

}  // namespace everseal::dns
