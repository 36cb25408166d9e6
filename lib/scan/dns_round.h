// Questions to the DNS about many names, asked in a few threads.
#pragma once

#include "dns/observer.h"

#include <cstddef>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace everseal::scan {

struct DnsQuestion {
  std::string name;  // "www.example.org"; of TLSA "_25._tcp.mail.example.org"
  enum class Kind { renewal, renewal_by_dns, tlsa } kind = Kind::renewal;
};
struct DnsAnswer {
  std::optional<dns::Observed> observed;
  std::optional<dns::Tlsa> tlsa;
  std::string problem;  // where there is neither: no resolver answered
};

struct DnsRound {
  std::size_t unanswered = 0;
  std::string problem;         // of the first of those
  bool has_validated = false;  // some answer was called authentic, or bogus
};

// Hands each answer to `done` on the calling thread, as it comes; what `stop` cuts off is not handed over. Throws what
// `done` throws.
DnsRound ask_dns(const std::vector<DnsQuestion>& questions, const std::vector<dns::Server>& resolvers,
                 dns::CaaRecords caa, const std::function<void(std::size_t question, const DnsAnswer&)>& done,
                 std::stop_token stop);

}  // namespace everseal::scan
