// Cloudflare's API, version 4.
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "dns/api.h"
#include "dns/dns.h"
#include "net/json.h"

#include <map>

#include <fmt/format.h>

namespace everseal::dns {
namespace {

using base::OptionType;

const base::Option kOptions[] = {
    {.name = "token_file",
     .type = OptionType::secret_file,
     .summary = "an API token that may read zones and edit DNS",
     .required = true},
    api_option("https://api.cloudflare.com/client/v4"),
};

class Cloudflare final : public Provider {
 public:
  explicit Cloudflare(const base::Options& options)
      : api_(options.string("api"), "Authorization", "Bearer ", base::read_secret_file(options.string("token_file"))) {}

  void add(const TxtRecord& record, std::stop_token stop) override {
    if (!ids_of(record, stop).empty()) return;
    api_.require("POST", fmt::format("/zones/{}/dns_records", zone_id(record.zone, stop)),
                 fmt::format(R"({{"type":"TXT","name":{},"content":{},"ttl":60}})", base::json_string(record.name),
                             base::json_string(quoted(record.value))),
                 stop);
  }

  void remove(const TxtRecord& record, std::stop_token stop) override {
    for (const std::string& id : ids_of(record, stop))
      api_.call("DELETE", fmt::format("/zones/{}/dns_records/{}", zone_id(record.zone, stop), url_encoded(id)), "",
                stop);
  }

 private:
  const std::string& zone_id(const std::string& zone, const std::stop_token& stop) {
    std::string& id = zones_[zone];
    if (!id.empty()) return id;
    const base::Table answer = api_.require("GET", "/zones?name=" + url_encoded(zone), "", stop);
    for (const base::Table& one : net::objects_at(answer, "result"))
      if (base::lower(net::text_at(one, "name")) == zone) id = url_encoded(net::text_at(one, "id"));
    if (id.empty())
      throw base::Error(base::Fault::config, fmt::format("Cloudflare shows the token no zone {}", zone),
                        "does the token cover it?");
    return id;
  }

  std::vector<std::string> ids_of(const TxtRecord& record, const std::stop_token& stop) {
    const base::Table answer = api_.require("GET",
                                            fmt::format("/zones/{}/dns_records?type=TXT&per_page=100&name={}",
                                                        zone_id(record.zone, stop), url_encoded(record.name)),
                                            "", stop);
    std::vector<std::string> ids;
    for (const base::Table& one : net::objects_at(answer, "result"))
      if (unquoted(net::text_at(one, "content")) == record.value) ids.push_back(net::text_at(one, "id"));
    return ids;
  }

  Api api_;
  std::map<std::string, std::string> zones_;
};

std::unique_ptr<Provider> open(const base::Options& options) { return std::make_unique<Cloudflare>(options); }

}  // namespace

extern const Kind cloudflare_kind;
const Kind cloudflare_kind{"cloudflare", "zones at Cloudflare", kOptions, open};

}  // namespace everseal::dns
