// acme-dns: a small name server for nothing but these records, which a CNAME leads to. It keeps the two newest values
// of each account, so nothing is removed.
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "dns/dns.h"
#include "net/http_client.h"
#include "net/json.h"

#include <fmt/format.h>

namespace everseal::dns {
namespace {

using base::Error;
using base::Fault;
using base::OptionType;

constexpr base::Option kOptions[] = {
    {.name = "api", .summary = "URL of its API; without it that of the account file, else https://auth.acme-dns.io"},
    {.name = "account_file",
     .type = OptionType::secret_file,
     .summary = "JSON by domain, as clients of acme-dns keep it: {\"example.org\": {\"username\", \"password\", "
                "\"fulldomain\", "
                "\"subdomain\"}}",
     .required = true},
};

std::string member(const base::Table& account, std::string_view name, const std::string& domain) {
  std::string text = net::text_at(account, name);
  if (text.empty())
    throw Error(Fault::config, fmt::format("the account of {} has no {}", base::printable(domain), name));
  return text;
}

class AcmeDns final : public Provider {
 public:
  explicit AcmeDns(const base::Options& options)
      : api_(options.string("api")), accounts_(base::read_secret_file(options.string("account_file"))) {}

  void add(const TxtRecord& record, std::stop_token stop) override {
    const base::Table accounts = net::parse_json_object(accounts_.reveal_text(), "the account file");
    const base::Table& account = account_for(accounts, record);
    std::string url = api_.empty() ? net::text_at(account, "server_url") : api_;
    if (url.empty()) url = "https://auth.acme-dns.io";
    while (url.ends_with('/')) url.pop_back();
    net::HttpSettings settings;
    if (url.starts_with("http://")) settings.schemes = net::Schemes::http_too;
    net::HttpRequest request{.method = "POST", .url = url + "/update", .headers = {}, .secret_headers = {}, .body = {}};
    request.headers.emplace_back("Content-Type", "application/json");
    request.secret_headers.emplace_back("X-Api-User", base::Secret(member(account, "username", record.domain)));
    request.secret_headers.emplace_back("X-Api-Key", base::Secret(member(account, "password", record.domain)));
    request.body =
        fmt::format(R"({{"subdomain":{},"txt":{}}})", base::json_string(member(account, "subdomain", record.domain)),
                    base::json_string(record.value));
    const net::HttpResponse response = net::HttpClient(settings).send(request, stop);
    if (response.ok()) return;
    const bool later = response.status == 429 || response.status >= 500;
    throw Error(later ? Fault::unreachable : Fault::denied,
                fmt::format("{}: HTTP {}: {}", base::printable(url), response.status,
                            base::printable(response.body.substr(0, 300))));
  }

  void remove(const TxtRecord&, std::stop_token) override {}

 private:
  // By the identifier that is proved, or by the name that its CNAME leads to.
  static const base::Table& account_for(const base::Table& accounts, const TxtRecord& record) {
    if (const base::Table* const found = net::object_at(accounts, record.domain)) return *found;
    for (const auto& [domain, value] : accounts)
      if (const auto* const account = std::get_if<base::Table>(&value.data))
        if (base::lower(net::text_at(*account, "fulldomain")) == record.name) return *account;
    throw Error(Fault::config, fmt::format("the account file has no account for {}", record.domain),
                fmt::format("register one, and let _acme-challenge.{} be a CNAME to its fulldomain", record.domain));
  }

  std::string api_;
  base::Secret accounts_;
};

std::unique_ptr<Provider> open(const base::Options& options) { return std::make_unique<AcmeDns>(options); }

}  // namespace

extern const Kind acme_dns_kind;
const Kind acme_dns_kind{"acme-dns", "an acme-dns server that a CNAME leads to", kOptions, open};

}  // namespace everseal::dns
