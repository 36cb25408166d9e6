// Zones of the Hetzner Cloud API, which adds and removes single values of a record set.
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "dns/api.h"
#include "dns/dns.h"
#include "net/json.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

namespace everseal::dns {
namespace {

const base::Option kHetznerOptions[] = {
    {.name = "token_file",
     .type = base::OptionType::secret_file,
     .summary = "an API token of the project, with read and write",
     .required = true},
    api_option("https://api.hetzner.cloud/v1"),
};

using base::Error;
using base::Fault;
using std::chrono::milliseconds;

constexpr std::int64_t kHetznerTtl = 60;
constexpr milliseconds kHetznerFirstDelay{100};
constexpr milliseconds kHetznerLongestDelay{2'000};
constexpr int kHetznerMostDelays = 30;  // close to a minute

// Before the n-th look at what takes its time, from 1.
milliseconds delay(int tries) {
  return std::min(kHetznerLongestDelay, kHetznerFirstDelay * (1 << std::min(tries - 1, 10)));
}

// 423 and 409: a zone takes one change at a time, and another worker's is under way.
std::optional<milliseconds> delay_of_hetzner(const net::HttpResponse& response, int tries) {
  if (response.status != 423 && response.status != 409) return asked_delay(response, tries);
  return tries > kHetznerMostDelays ? std::nullopt : std::optional(delay(tries));
}

class Hetzner final : public Provider {
 public:
  explicit Hetzner(const base::Options& options)
      : api_(options.string("api"), authorization("Bearer", base::read_secret_file(options.string("token_file"))),
             delay_of_hetzner) {}

  void add(const TxtRecord& record, std::stop_token stop) override {
    const auto set = read(record, stop);
    if (set && holds(*set, record)) return;
    // It must be the TTL that the set has already; none is the zone's.
    std::string ttl = fmt::format(R"(,"ttl":{})", kHetznerTtl);
    if (set) {
      const auto has = net::integer_at(*set, "ttl");
      ttl = has ? fmt::format(R"(,"ttl":{})", *has) : std::string();
    }
    change_unless_done(record, "add_records", ttl, Standing::yes, stop);
  }

  void remove(const TxtRecord& record, std::stop_token stop) override {
    if (const auto set = read(record, stop); set && holds(*set, record))
      change_unless_done(record, "remove_records", "", Standing::no, stop);
  }

 private:
  static std::string set_of(const TxtRecord& record) {
    return fmt::format("/zones/{}/rrsets/{}/TXT", url_encoded(record.zone),
                       url_encoded(relative_name(record.name, record.zone)));
  }

  std::optional<base::Table> read(const TxtRecord& record, const std::stop_token& stop) {
    const auto answer = api_.call("GET", set_of(record), "", stop);
    return answer ? std::optional(api_.object(*answer, "rrset")) : std::nullopt;
  }

  bool holds(const base::Table& set, const TxtRecord& record) const {
    return std::ranges::any_of(api_.rows(set, "records"), [&](const base::Table& one) {
      return without_quotes(net::text_at(one, "value")) == record.value;
    });
  }

  enum class Standing { no, yes };

  // It refuses to add what stands, and to remove what does not: another may have been quicker.
  void change_unless_done(const TxtRecord& record, std::string_view verb, const std::string& more, Standing wanted,
                          const std::stop_token& stop) {
    try {
      change(record, verb, more, stop);
    } catch (const Error& error) {
      if (error.fault() != Fault::denied && error.fault() != Fault::config) throw;
      const auto set = read(record, stop);
      if ((set && holds(*set, record)) != (wanted == Standing::yes)) throw;
    }
  }

  // Returns when the change has been carried out, for until then the zone takes no other.
  void change(const TxtRecord& record, std::string_view verb, const std::string& more, const std::stop_token& stop) {
    const base::Table answer = api_.require(
        "POST", fmt::format("{}/actions/{}", set_of(record), verb),
        fmt::format(R"({{"records":[{{"value":{}}}]{}}})", base::json_string(in_quotes(record.value)), more), stop);
    base::Table action = api_.object(answer, "action");
    const auto id = net::integer_at(action, "id");
    for (int tries = 1;; ++tries) {
      const std::string status = api_.text(action, "status");
      if (status == "success") return;
      if (status != "running" || !id)
        throw Error(Fault::denied, fmt::format("Hetzner did not carry out the change of {}: {}", record.name,
                                               api_.shown(problem_of(action))));
      if (tries > kHetznerMostDelays)
        throw Error(Fault::timed_out, fmt::format("Hetzner still carries out the change of {}", record.name));
      pause(delay(tries), stop);
      const base::Table next = api_.require("GET", fmt::format("/actions/{}", *id), "", stop);
      action = api_.object(next, "action");
    }
  }

  static std::string problem_of(const base::Table& action) {
    const base::Table* const error = net::object_at(action, "error");
    return error == nullptr ? net::text_at(action, "status") : net::text_at(*error, "message");
  }

  Api api_;
};

std::unique_ptr<Provider> open_hetzner(const base::Options& options) { return std::make_unique<Hetzner>(options); }

}  // namespace

extern const Kind hetzner_kind;
const Kind hetzner_kind{"hetzner", "zones at Hetzner (Cloud API)", kHetznerOptions, open_hetzner};

}  // namespace everseal::dns
