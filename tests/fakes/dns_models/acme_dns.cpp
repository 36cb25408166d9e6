// An acme-dns server: one account, which holds the two newest values of its one name.
#include "fakes/dns_models/model.h"

#include <algorithm>
#include <cctype>

namespace everseal::fakes {
namespace {

constexpr const char* kUser = "c36f50e8-4632-44f0-83fe-e070fef28a10";
constexpr const char* kPassword = "htB9mR9DYgcu9bX_afHF62erXaH2TS7bg9KW3F7Z";
constexpr const char* kSubdomain = "8e5700ea-a4bf-41c7-8a77-e990661dcc6a";
constexpr std::size_t kKept = 2;
constexpr std::size_t kLength = 43;  // of SHA-256 in base64url

class AcmeDns final : public DnsModel {
 public:
  ApiOptions options(const std::string& url, Secrets secrets) const override {
    const Json account{{"username", kUser},
                       {"password", secrets == Secrets::right ? kPassword : "another-password-of-forty-characters-000"},
                       {"fulldomain", std::string(kSubdomain) + ".auth.example.org"},
                       {"subdomain", kSubdomain},
                       {"allowfrom", Json::array()}};
    return {{{"api", url}}, {{"account_file", Json{{kZone, account}}.dump()}}};
  }
  std::vector<std::string> secrets() const override { return {kUser, kPassword}; }

  std::string value_of(const std::string& text) const override { return text; }

  net::ServerResponse answer(const ApiRequest& request) override {
    if (!request.is("POST", {"update"})) return {.status = 404, .body = "404 page not found\n"};
    const Json wanted = json_of(request);
    if (request.header("x-api-user") != kUser || request.header("x-api-key") != kPassword || !wanted.is_object() ||
        wanted.value("subdomain", "") != kSubdomain)
      return json_answer(401, {{"error", "forbidden"}});
    const std::string text = wanted.value("txt", "");
    const bool is_text = text.size() == kLength && std::ranges::all_of(text, [](unsigned char c) {
                           return std::isalnum(c) != 0 || c == '-' || c == '_';
                         });
    if (!is_text) return json_answer(400, {{"error", "bad_txt"}});
    const std::string name = std::string(kSubdomain) + ".auth.example.org";
    add(name, text);
    if (at(name).size() > kKept) records.erase(records.begin());
    return json_answer(200, {{"txt", text}});
  }
};

}  // namespace

std::unique_ptr<DnsModel> make_acme_dns() { return std::make_unique<AcmeDns>(); }

}  // namespace everseal::fakes
