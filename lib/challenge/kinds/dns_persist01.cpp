// dns-persist-01 (draft-ietf-acme-dns-persist): a record that the operator sets once. Nothing is set here; it is looked
// for, so that the CA is not asked in vain.
#include "base/error.h"
#include "challenge/persistent_record.h"
#include "challenge/txt_records.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::challenge {
namespace {

using base::Error;
using base::Fault;
using base::OptionType;

constexpr base::Option kDnsPersist01Options[] = {
    {.name = "resolvers",
     .type = OptionType::servers,
     .summary = "recursive resolvers to ask, ADDRESS or ADDRESS:PORT; without it those of the system"},
    {.name = "server_port",
     .type = OptionType::port,
     .summary = "where the zone's own servers listen",
     .fallback = "53"},
};

class DnsPersist01 final : public Answerer {
 public:
  explicit DnsPersist01(const base::Options& options) : lookup_(make_lookup(options)) {}

  void present(std::span<const Task> tasks, std::stop_token stop) override {
    std::string missing;
    for (const Task& task : tasks) {
      const Coverage coverage = task.authorization.wildcard ? Coverage::name_and_below : Coverage::name;
      const auto& issuers = task.challenge.issuer_domain_names;
      if (issuers.empty()) throw Error(Fault::invalid, "the CA names no issuer-domain-names for dns-persist-01");
      const std::string name = "_validation-persist." + task.authorization.identifier.text();
      const std::vector<std::string> standing = lookup_.txt(name, stop);
      const bool permitted = std::ranges::any_of(standing, [&](const std::string& record) {
        return permits(record, issuers, task.account.url, coverage, base::wall_clock());
      });
      if (permitted) continue;
      missing +=
          fmt::format("{}{}. IN TXT \"{}\"", missing.empty() ? "" : " ; ", name,
                      persistent_record(base::printable(issuers.front()), base::printable(task.account.url), coverage));
    }
    if (!missing.empty())
      throw Error(Fault::config, "the DNS has no record yet that lets this account prove the name",
                  fmt::format("set it once, and it serves every renewal: {}", missing));
  }

  std::vector<std::string> clean_up() noexcept override { return {}; }

 private:
  dns::Lookup lookup_;
};

std::unique_ptr<Answerer> open_dns_persist01(const Method& method, Responder&) {
  return std::make_unique<DnsPersist01>(method.options);
}

}  // namespace

extern const Kind dns_persist01_kind;
const Kind dns_persist01_kind{"dns-persist-01",     "a TXT record that is set once, by hand",
                              kDnsPersist01Options, NeedsProvider::no,
                              is_dns_name,          open_dns_persist01};

}  // namespace everseal::challenge
