// Zones of the Hetzner Cloud API, which adds and removes single values of a record set.
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "dns/api.h"
#include "dns/dns.h"
#include "net/json.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::dns {
namespace {

const base::Option kOptions[] = {
    {.name = "token_file",
     .type = base::OptionType::secret_file,
     .summary = "an API token of the project, with read and write",
     .required = true},
    api_option("https://api.hetzner.cloud/v1"),
};

class Hetzner final : public Provider {
 public:
  explicit Hetzner(const base::Options& options)
      : api_(options.string("api"), "Authorization", "Bearer ", base::read_secret_file(options.string("token_file"))) {}

  void add(const TxtRecord& record, std::stop_token stop) override {
    if (stands(record, stop)) return;
    api_.require("POST", set_of(record) + "/actions/add_records", records_json(record, R"(,"ttl":60)"), stop);
  }

  void remove(const TxtRecord& record, std::stop_token stop) override {
    if (stands(record, stop))
      api_.call("POST", set_of(record) + "/actions/remove_records", records_json(record, ""), stop);
  }

 private:
  static std::string set_of(const TxtRecord& record) {
    return fmt::format("/zones/{}/rrsets/{}/TXT", url_encoded(record.zone),
                       url_encoded(relative_name(record.name, record.zone)));
  }

  static std::string records_json(const TxtRecord& record, std::string_view more) {
    return fmt::format(R"({{"records":[{{"value":{}}}]{}}})", base::json_string(quoted(record.value)), more);
  }

  bool stands(const TxtRecord& record, const std::stop_token& stop) {
    const auto answer = api_.call("GET", set_of(record), "", stop);
    const base::Table* const set = answer ? net::object_at(*answer, "rrset") : nullptr;
    if (set == nullptr) return false;
    return std::ranges::any_of(net::objects_at(*set, "records"), [&](const base::Table& one) {
      return unquoted(net::text_at(one, "value")) == record.value;
    });
  }

  Api api_;
};

std::unique_ptr<Provider> open(const base::Options& options) { return std::make_unique<Hetzner>(options); }

}  // namespace

extern const Kind hetzner_kind;
const Kind hetzner_kind{"hetzner", "zones at Hetzner (Cloud API)", kOptions, open};

}  // namespace everseal::dns
