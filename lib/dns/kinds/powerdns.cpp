// The HTTP API of a PowerDNS Authoritative Server.
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "dns/api.h"
#include "dns/record_set.h"
#include "net/json.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::dns {
namespace {

using base::OptionType;

constexpr base::Option kPowerdnsOptions[] = {
    {.name = "api",
     .type = OptionType::url,
     .summary = "URL of its web server, such as http://127.0.0.1:8081",
     .required = true},
    {.name = "key_file", .type = OptionType::secret_file, .summary = "the API key", .required = true},
    {.name = "server_id", .summary = "which server of that API", .fallback = "localhost"},
};

constexpr std::int64_t kPowerdnsTtl = 60;

class PowerDns final : public RecordSetProvider {
 public:
  explicit PowerDns(const base::Options& options)
      : api_(options.string("api"), key_header(base::read_secret_file(options.string("key_file")))),
        server_(options.string("server_id")) {}

 protected:
  std::vector<std::string> read(const TxtRecord& record, std::stop_token stop) override {
    const base::Table zone = api_.require(
        "GET", fmt::format("{}?rrset_type=TXT&rrset_name={}.", zone_of(record), url_encoded(record.name)), "", stop);
    is_primary_ = net::text_at(zone, "kind") == "Master" || net::text_at(zone, "kind") == "Producer";
    ttl_ = kPowerdnsTtl;
    disabled_.clear();
    std::vector<std::string> values;
    for (const base::Table& set : api_.rows(zone, "rrsets")) {
      if (net::text_at(set, "type") != "TXT" || base::lower(net::text_at(set, "name")) != record.name + ".") continue;
      ttl_ = net::integer_at(set, "ttl").value_or(kPowerdnsTtl);
      for (const base::Table& one : api_.rows(set, "records"))
        (net::flag_at(one, "disabled") ? disabled_ : values).push_back(without_quotes(api_.text(one, "content")));
    }
    return values;
  }

  bool write(const TxtRecord& record, const std::vector<std::string>&, const std::vector<std::string>& values,
             std::stop_token stop) override {
    std::string records;
    const auto append = [&](const std::string& value, bool disabled) {
      records += fmt::format(R"({}{{"content":{},"disabled":{}}})", records.empty() ? "" : ",",
                             base::json_string(in_quotes(value)), disabled);
    };
    for (const std::string& value : values) append(value, false);
    for (const std::string& value : disabled_)
      if (std::ranges::find(values, value) == values.end()) append(value, true);
    api_.require(
        "PATCH", zone_of(record),
        fmt::format(R"({{"rrsets":[{{"name":{},"type":"TXT","ttl":{},"changetype":"{}","records":[{}]}}]}})",
                    base::json_string(record.name + "."), ttl_, records.empty() ? "DELETE" : "REPLACE", records),
        stop);
    if (is_primary_) notify(record, stop);
    return true;
  }

 private:
  static SecretHeaders key_header(base::Secret key) {
    SecretHeaders headers;
    headers.emplace_back("X-API-Key", std::move(key));
    return headers;
  }

  std::string zone_of(const TxtRecord& record) const {
    return fmt::format("/api/v1/servers/{}/zones/{}.", url_encoded(server_), url_encoded(record.zone));
  }

  // Its secondaries would be told within a minute anyway.
  void notify(const TxtRecord& record, const std::stop_token& stop) {
    try {
      api_.call("PUT", zone_of(record) + "/notify", "", stop);
    } catch (const base::Error& error) {
      if (error.fault() == base::Fault::cancelled) throw;
      base::log::info("{}", error.message());
    }
  }

  Api api_;
  std::string server_;
  // Of what read() found: the set as it stands beside the values that the DNS shows.
  bool is_primary_ = false;
  std::int64_t ttl_ = kPowerdnsTtl;
  std::vector<std::string> disabled_;
};

std::unique_ptr<Provider> open_powerdns(const base::Options& options) { return std::make_unique<PowerDns>(options); }

}  // namespace

extern const Kind powerdns_kind;
const Kind powerdns_kind{"powerdns", "zones of a PowerDNS server, by its HTTP API", kPowerdnsOptions, open_powerdns};

}  // namespace everseal::dns
