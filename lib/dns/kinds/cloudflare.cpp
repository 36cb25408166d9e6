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

const base::Option kCloudflareOptions[] = {
    {.name = "token_file",
     .type = OptionType::secret_file,
     .summary = "an API token that may read zones and edit DNS",
     .required = true},
    api_option("https://api.cloudflare.com/client/v4"),
};

constexpr std::size_t kCloudflarePerPage = 100;
constexpr int kCloudflareMostPages = 50;

class Cloudflare final : public Provider {
 public:
  explicit Cloudflare(const base::Options& options)
      : api_(options.string("api"), authorization("Bearer", base::read_secret_file(options.string("token_file")))) {}

  void add(const TxtRecord& record, std::stop_token stop) override {
    if (!ids_of(record, stop).empty()) return;
    try {
      require("POST", fmt::format("/zones/{}/dns_records", zone_id(record.zone, stop)),
              fmt::format(R"({{"type":"TXT","name":{},"content":{},"ttl":60}})", base::json_string(record.name),
                          base::json_string(in_quotes(record.value))),
              stop);
    } catch (const base::Error& error) {
      // It refuses a record that stands already: another may have been quicker.
      if (error.fault() != base::Fault::denied || ids_of(record, stop).empty()) throw;
    }
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
    const base::Table answer = require("GET", "/zones?name=" + url_encoded(zone), "", stop);
    for (const base::Table& one : api_.rows(answer, "result"))
      if (base::lower(net::text_at(one, "name")) == zone && (id.empty() || net::text_at(one, "status") == "active"))
        id = url_encoded(api_.text(one, "id"));
    if (id.empty())
      throw base::Error(base::Fault::config, fmt::format("Cloudflare shows the token no zone {}", zone),
                        "does the token cover it?");
    return id;
  }

  std::vector<std::string> ids_of(const TxtRecord& record, const std::stop_token& stop) {
    std::vector<std::string> ids;
    for (int page = 1; page <= kCloudflareMostPages; ++page) {
      const base::Table answer =
          require("GET",
                  fmt::format("/zones/{}/dns_records?type=TXT&name={}&per_page={}&page={}", zone_id(record.zone, stop),
                              url_encoded(record.name), kCloudflarePerPage, page),
                  "", stop);
      const std::vector<base::Table> rows = api_.rows(answer, "result");
      for (const base::Table& one : rows)
        if (without_quotes(net::text_at(one, "content")) == record.value) ids.push_back(api_.text(one, "id"));
      if (rows.size() < kCloudflarePerPage) break;
    }
    return ids;
  }

  base::Table require(std::string_view method, const std::string& path, const std::string& json,
                      const std::stop_token& stop) {
    base::Table answer = api_.require(method, path, json, stop);
    if (!net::flag_at(answer, "success"))
      throw base::Error(base::Fault::invalid, "Cloudflare answers without saying that it succeeded");
    return answer;
  }

  Api api_;
  std::map<std::string, std::string> zones_;
};

std::unique_ptr<Provider> open_cloudflare(const base::Options& options) {
  return std::make_unique<Cloudflare>(options);
}

}  // namespace

extern const Kind cloudflare_kind;
const Kind cloudflare_kind{"cloudflare", "zones at Cloudflare", kCloudflareOptions, open_cloudflare};

}  // namespace everseal::dns
