// The HTTP API of a PowerDNS Authoritative Server.
#include "base/file.h"
#include "base/text.h"
#include "dns/api.h"
#include "dns/record_set.h"
#include "net/json.h"

#include <fmt/format.h>

namespace everseal::dns {
namespace {

using base::OptionType;

constexpr base::Option kOptions[] = {
    {.name = "api", .summary = "URL of its web server, such as http://127.0.0.1:8081", .required = true},
    {.name = "key_file", .type = OptionType::secret_file, .summary = "the API key", .required = true},
    {.name = "server_id", .summary = "which server of that API", .fallback = "localhost"},
};

class PowerDns final : public RecordSetProvider {
 public:
  explicit PowerDns(const base::Options& options)
      : api_(options.string("api"), "X-API-Key", "", base::read_secret_file(options.string("key_file"))),
        server_(options.string("server_id")) {}

 protected:
  std::vector<std::string> read(const TxtRecord& record, std::stop_token stop) override {
    const base::Table zone = api_.require(
        "GET", fmt::format("{}?rrset_type=TXT&rrset_name={}.", zone_of(record), url_encoded(record.name)), "", stop);
    std::vector<std::string> values;
    for (const base::Table& set : net::objects_at(zone, "rrsets")) {
      if (net::text_at(set, "type") != "TXT" || base::lower(net::text_at(set, "name")) != record.name + ".") continue;
      for (const base::Table& one : net::objects_at(set, "records"))
        values.push_back(unquoted(net::text_at(one, "content")));
    }
    return values;
  }

  bool write(const TxtRecord& record, const std::vector<std::string>&, const std::vector<std::string>& values,
             std::stop_token stop) override {
    std::string records;
    for (const std::string& value : values)
      records += fmt::format(R"({}{{"content":{},"disabled":false}})", records.empty() ? "" : ",",
                             base::json_string(quoted(value)));
    api_.require("PATCH", zone_of(record),
                 fmt::format(R"({{"rrsets":[{{"name":{},"type":"TXT","ttl":60,"changetype":"{}","records":[{}]}}]}})",
                             base::json_string(record.name + "."), values.empty() ? "DELETE" : "REPLACE", records),
                 stop);
    return true;
  }

 private:
  std::string zone_of(const TxtRecord& record) const {
    return fmt::format("/api/v1/servers/{}/zones/{}.", url_encoded(server_), url_encoded(record.zone));
  }

  Api api_;
  std::string server_;
};

std::unique_ptr<Provider> open(const base::Options& options) { return std::make_unique<PowerDns>(options); }

}  // namespace

extern const Kind powerdns_kind;
const Kind powerdns_kind{"powerdns", "zones of a PowerDNS server, by its HTTP API", kOptions, open};

}  // namespace everseal::dns
