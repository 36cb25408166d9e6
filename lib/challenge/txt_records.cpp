#include "challenge/txt_records.h"

#include "base/error.h"
#include "pki/digest.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>

#include <fmt/format.h>

namespace everseal::challenge {
namespace {

using base::Error;
using base::OptionType;

constexpr std::string_view kChecks[] = {"authoritative", "resolvers", "none"};

constexpr base::Option kOptions[] = {
    {.name = "follow_cname",
     .type = OptionType::boolean,
     .summary = "whether a CNAME at _acme-challenge leads to where the record is set",
     .fallback = "true"},
    {.name = "propagation_check",
     .type = OptionType::choice,
     .summary = "who must show the record before the CA is told",
     .fallback = "authoritative",
     .choices = kChecks},
    {.name = "propagation_timeout",
     .type = OptionType::duration,
     .summary = "how long that is waited for",
     .fallback = "5m"},
    {.name = "propagation_wait",
     .type = OptionType::duration,
     .summary = "what is waited in any case, beyond the check"},
    {.name = "resolvers",
     .type = OptionType::servers,
     .summary = "recursive resolvers to ask, ADDRESS or ADDRESS:PORT; without it those of the system"},
    {.name = "server_port",
     .type = OptionType::port,
     .summary = "where the zone's own servers listen",
     .fallback = "53"},
};

void sleep(base::Seconds duration, const std::stop_token& stop) {
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable_any changed;
  changed.wait_for(lock, stop, duration, [] { return false; });
  if (stop.stop_requested()) throw Error(base::Fault::cancelled, "stopped while DNS records spread");
}

// What was asked of the DNS for, and which option asks for nothing or asks somebody else.
template <class Work>
auto looking_up(std::string_view why, const std::string& hint, Work work) {
  try {
    return work();
  } catch (const Error& error) {
    if (error.fault() == base::Fault::cancelled || !error.hint().empty()) throw;
    throw Error(Error(error.fault(), error.message(), hint)).within(why);
  }
}

bool needs_zone(const Method& method) {
  const dns::Kind& kind = *dns::find_kind(method.provider);
  return kind.needs_zone == nullptr || kind.needs_zone(method.provider_options);
}

class TxtRecords final : public Answerer {
 public:
  TxtRecords(const Method& method, NameOf name_of)
      : options_(method.options),
        provider_(dns::find_kind(method.provider)->open(method.provider_options)),
        needs_zone_(needs_zone(method)),
        lookup_(make_lookup(method.options)),
        name_of_(name_of) {}

  void present(std::span<const Task> tasks, std::stop_token stop) override {
    std::vector<std::string> domains;
    for (const Task& task : tasks) domains.push_back(task.authorization.identifier.text());
    std::size_t remaining = tasks.size();
    for (const Task& task : tasks) {
      dns::TxtRecord record = record_of(task, stop);
      record.all_domains = domains;
      record.remaining = --remaining;
      added_.push_back(record);  // before it is: an answer that is lost may have been a success
      base::within(fmt::format("set TXT at {}", record.name), [&] { provider_->add(record, stop); });
    }
    await(stop);
  }

  std::vector<std::string> clean_up() noexcept override {
    std::vector<std::string> problems;
    for (const dns::TxtRecord& record : added_) {
      try {
        provider_->remove(record, {});
      } catch (const Error& error) {
        problems.push_back(fmt::format("could not remove TXT at {}: {}", record.name, error.message()));
      }
    }
    added_.clear();
    return problems;
  }

 private:
  dns::TxtRecord record_of(const Task& task, const std::stop_token& stop) {
    dns::TxtRecord record;
    record.name = name_of_(task);
    if (options_.boolean("follow_cname"))
      record.name = looking_up(fmt::format("follow CNAMEs from {}", record.name),
                               "`resolvers` names others to ask, `follow_cname = false` asks nobody",
                               [&] { return lookup_.follow(record.name, stop); });
    if (needs_zone_) record.zone = zone_name(record.name, stop);
    record.value = txt_value(task);
    record.domain = task.authorization.identifier.text();
    record.token = task.challenge.token;
    record.key_authorization = acme::key_authorization(task.challenge.token, task.account.key);
    return record;
  }

  std::string zone_name(const std::string& name, const std::stop_token& stop) {
    if (const auto found = zones_.find(name); found != zones_.end()) return found->second.name;
    return looking_up(
        fmt::format("find the zone of {}", name),
        "`resolvers` names others to ask; an exec provider with the format of another client needs no zone",
        [&] { return lookup_.zone_name(name, stop); });
  }

  const dns::Zone& zone_of(const std::string& name, const std::stop_token& stop) {
    if (const auto found = zones_.find(name); found != zones_.end()) return found->second;
    dns::Zone zone =
        looking_up(fmt::format("find the name servers of {}", name),
                   "`resolvers` names others to ask; `propagation_check` = \"resolvers\" or \"none\" needs "
                   "no name servers",
                   [&] { return lookup_.zone_of(name, stop); });
    return zones_.emplace(name, std::move(zone)).first->second;
  }

  void await(const std::stop_token& stop) {
    const std::string check = options_.string("propagation_check");
    const base::Seconds bound = options_.duration("propagation_timeout").value();
    const auto end = std::chrono::steady_clock::now() + bound;
    for (const dns::TxtRecord& record : added_) {
      const auto left = std::chrono::ceil<std::chrono::seconds>(end - std::chrono::steady_clock::now());
      if (check == "authoritative")
        lookup_.wait_for(record.name, record.value, zone_of(record.name, stop), std::max(left, base::Seconds(1)), stop);
      else if (check == "resolvers")
        lookup_.wait_for(record.name, record.value, std::max(left, base::Seconds(1)), stop);
    }
    if (const auto extra = options_.duration("propagation_wait")) sleep(*extra, stop);
  }

  base::Options options_;
  std::unique_ptr<dns::Provider> provider_;
  bool needs_zone_;
  dns::Lookup lookup_;
  NameOf name_of_;
  std::vector<dns::TxtRecord> added_;
  std::map<std::string, dns::Zone> zones_;
};

}  // namespace

std::span<const base::Option> txt_options() noexcept { return kOptions; }

std::unique_ptr<Answerer> make_txt_answerer(const Method& method, NameOf name_of) {
  return std::make_unique<TxtRecords>(method, name_of);
}

dns::Lookup make_lookup(const base::Options& options) {
  std::vector<dns::Server> resolvers;
  for (const std::string& text : options.strings("resolvers")) resolvers.push_back(dns::parse_server(text));
  return dns::Lookup(std::move(resolvers), static_cast<unsigned short>(options.integer("server_port")));
}

std::string txt_value(const Task& task) {
  const std::string answer = acme::key_authorization(task.challenge.token, task.account.key);
  return base::base64url(pki::sha256(base::as_bytes(answer)));
}

bool is_dns_name(const acme::Authorization& authorization) {
  return authorization.identifier.kind() == pki::IdentifierKind::dns;
}

}  // namespace everseal::challenge
