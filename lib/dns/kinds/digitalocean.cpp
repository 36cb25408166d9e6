// DigitalOcean's API, version 2.
#include "base/file.h"
#include "base/text.h"
#include "dns/api.h"
#include "dns/dns.h"
#include "net/json.h"

#include <fmt/format.h>

namespace everseal::dns {
namespace {

const base::Option kDigitaloceanOptions[] = {
    {.name = "token_file",
     .type = base::OptionType::secret_file,
     .summary = "an API token that may write domains",
     .required = true},
    api_option("https://api.digitalocean.com"),
};

constexpr std::size_t kDigitaloceanPerPage = 200;
constexpr int kDigitaloceanMostPages = 50;

class DigitalOcean final : public Provider {
 public:
  explicit DigitalOcean(const base::Options& options)
      : api_(options.string("api"), authorization("Bearer", base::read_secret_file(options.string("token_file")))) {}

  void add(const TxtRecord& record, std::stop_token stop) override {
    if (!ids_of(record, stop).empty()) return;
    const base::Table answer = api_.require(
        "POST", records_of(record),
        fmt::format(R"({{"type":"TXT","name":{},"data":{},"ttl":30}})",
                    base::json_string(relative_name(record.name, record.zone)), base::json_string(record.value)),
        stop);
    api_.object(answer, "domain_record");
  }

  void remove(const TxtRecord& record, std::stop_token stop) override {
    for (const std::int64_t id : ids_of(record, stop))
      api_.call("DELETE", fmt::format("{}/{}", records_of(record), id), "", stop);
  }

 private:
  static std::string records_of(const TxtRecord& record) {
    return fmt::format("/v2/domains/{}/records", url_encoded(record.zone));
  }

  std::vector<std::int64_t> ids_of(const TxtRecord& record, const std::stop_token& stop) {
    std::vector<std::int64_t> ids;
    for (int page = 1; page <= kDigitaloceanMostPages; ++page) {
      const base::Table answer = api_.require("GET",
                                              fmt::format("{}?type=TXT&name={}&per_page={}&page={}", records_of(record),
                                                          url_encoded(record.name), kDigitaloceanPerPage, page),
                                              "", stop);
      const std::vector<base::Table> rows = api_.rows(answer, "domain_records");
      for (const base::Table& one : rows)
        if (without_quotes(net::text_at(one, "data")) == record.value)
          if (const auto id = net::integer_at(one, "id")) ids.push_back(*id);
      if (rows.size() < kDigitaloceanPerPage) break;
    }
    return ids;
  }

  Api api_;
};

std::unique_ptr<Provider> open_digitalocean(const base::Options& options) {
  return std::make_unique<DigitalOcean>(options);
}

}  // namespace

extern const Kind digitalocean_kind;
const Kind digitalocean_kind{"digitalocean", "domains at DigitalOcean", kDigitaloceanOptions, open_digitalocean};

}  // namespace everseal::dns
