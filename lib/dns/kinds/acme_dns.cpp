// acme-dns: a small name server for nothing but these records, which a CNAME leads to. It keeps the two newest values
// of each account, so nothing is removed.
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "dns/api.h"
#include "dns/dns.h"
#include "net/json.h"

#include <algorithm>
#include <deque>
#include <map>

#include <fmt/format.h>

namespace everseal::dns {
namespace {

using base::Error;
using base::Fault;
using base::OptionType;

constexpr base::Option kAcmeDnsOptions[] = {
    {.name = "api",
     .type = OptionType::url,
     .summary = "URL of its API; without it that of the account file, else https://auth.acme-dns.io"},
    {.name = "account_file",
     .type = OptionType::secret_file,
     .summary = "JSON by domain, as clients of acme-dns keep it: {\"example.org\": {\"username\", \"password\", "
                "\"fulldomain\", "
                "\"subdomain\"}}",
     .required = true},
};

constexpr std::size_t kKept = 2;

std::string member(const base::Table& account, std::string_view name, const std::string& domain) {
  std::string text = net::text_at(account, name);
  if (text.empty())
    throw Error(Fault::config, fmt::format("the account of {} has no {}", base::printable(domain), name));
  return text;
}

// What is wrong with it is not shown: it holds passwords.
base::Table parse_accounts(const base::Secret& text) {
  try {
    return net::parse_json_object(text.reveal_text(), "the account file");
  } catch (const Error&) {
    throw Error(Fault::config, "the file in `account_file` is no JSON object");
  }
}

class AcmeDns final : public Provider {
 public:
  explicit AcmeDns(const base::Options& options)
      : api_(options.string("api")), accounts_(base::read_secret_document(options.string("account_file"))) {
    parse_accounts(accounts_);
  }

  void add(const TxtRecord& record, std::stop_token stop) override {
    const base::Table accounts = parse_accounts(accounts_);
    const base::Table& account = account_for(accounts, record);
    const std::string subdomain = member(account, "subdomain", record.domain);
    // A value that it is told again would push out the other one.
    std::deque<std::string>& newest = newest_[subdomain];
    if (std::ranges::find(newest, record.value) != newest.end()) return;
    std::string url = api_.empty() ? net::text_at(account, "server_url") : api_;
    if (url.empty()) url = "https://auth.acme-dns.io";
    SecretHeaders headers;
    headers.emplace_back("X-Api-User", base::Secret(member(account, "username", record.domain)));
    headers.emplace_back("X-Api-Key", base::Secret(member(account, "password", record.domain)));
    Api api(url, std::move(headers));
    const base::Table answer = api.require(
        "POST", "/update",
        fmt::format(R"({{"subdomain":{},"txt":{}}})", base::json_string(subdomain), base::json_string(record.value)),
        stop);
    if (api.text(answer, "txt") != record.value)
      throw Error(Fault::invalid, fmt::format("{} took another value than it was given", base::printable(url)));
    newest.push_back(record.value);
    if (newest.size() > kKept) newest.pop_front();
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
  std::map<std::string, std::deque<std::string>> newest_;  // by subdomain
};

std::unique_ptr<Provider> open_acme_dns(const base::Options& options) { return std::make_unique<AcmeDns>(options); }

}  // namespace

extern const Kind acme_dns_kind;
const Kind acme_dns_kind{"acme-dns", "an acme-dns server that a CNAME leads to", kAcmeDnsOptions, open_acme_dns};

}  // namespace everseal::dns
