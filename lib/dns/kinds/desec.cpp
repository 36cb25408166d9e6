// deSEC's API, version 1.
#include "base/file.h"
#include "base/text.h"
#include "dns/api.h"
#include "dns/record_set.h"
#include "net/json.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::dns {
namespace {

const base::Option kDesecOptions[] = {
    {.name = "token_file", .type = base::OptionType::secret_file, .summary = "an API token", .required = true},
    api_option("https://desec.io/api/v1"),
};

constexpr std::int64_t kShortestTtl = 3600;  // that it takes

class Desec final : public RecordSetProvider {
 public:
  explicit Desec(const base::Options& options)
      : api_(options.string("api"), authorization("Token", base::read_secret_file(options.string("token_file")))) {}

 protected:
  std::vector<std::string> read(const TxtRecord& record, std::stop_token stop) override {
    const auto set = api_.call(
        "GET", fmt::format("{}{}/TXT/", sets_of(record), url_encoded(relative_name(record.name, record.zone))), "",
        stop);
    ttl_ = kShortestTtl;
    if (!set) return {};
    ttl_ = std::max(kShortestTtl, net::integer_at(*set, "ttl").value_or(kShortestTtl));
    std::vector<std::string> values;
    for (const std::string& text : api_.texts(*set, "records")) values.push_back(without_quotes(text));
    return values;
  }

  // A set in the list form is made, replaced, or deleted where it has no records; 404 is that of the domain.
  bool write(const TxtRecord& record, const std::vector<std::string>&, const std::vector<std::string>& values,
             std::stop_token stop) override {
    std::string records;
    for (const std::string& value : values)
      records += (records.empty() ? "" : ",") + base::json_string(in_quotes(value));
    const std::string name = relative_name(record.name, record.zone);
    api_.require_list("PUT", sets_of(record),
                      fmt::format(R"([{{"subname":{},"type":"TXT","ttl":{},"records":[{}]}}])",
                                  base::json_string(name == "@" ? "" : name), ttl_, records),
                      stop);
    return true;
  }

 private:
  static std::string sets_of(const TxtRecord& record) {
    return fmt::format("/domains/{}/rrsets/", url_encoded(record.zone));
  }

  Api api_;
  std::int64_t ttl_ = kShortestTtl;  // of the set that read() found
};

std::unique_ptr<Provider> open_desec(const base::Options& options) { return std::make_unique<Desec>(options); }

}  // namespace

extern const Kind desec_kind;
const Kind desec_kind{"desec", "domains at deSEC", kDesecOptions, open_desec};

}  // namespace everseal::dns
