// Cloudflare API v4.
#include "fakes/dns_models/model.h"

#include <fmt/format.h>

namespace everseal::fakes {
namespace {

constexpr const char* kCloudflareToken = "cf_0123456789abcdefghijklmnopqrstuvwxyz";
constexpr const char* kCloudflareZoneId = "0a6f34ae90b1c2d3e4f5a6b7c8d9e0f1";

net::ServerResponse failed_cloudflare(int status, int code, const std::string& message) {
  return json_answer(status, {{"result", nullptr},
                              {"success", false},
                              {"errors", {{{"code", code}, {"message", message}}}},
                              {"messages", Json::array()}});
}

net::ServerResponse done(const Json& result, const Json& info = nullptr) {
  Json body{{"result", result}, {"success", true}, {"errors", Json::array()}, {"messages", Json::array()}};
  if (!info.is_null()) body["result_info"] = info;
  return json_answer(200, body);
}

class Cloudflare final : public DnsModel {
 public:
  ApiOptions options(const std::string& url, Secrets secrets) const override {
    return {
        {{"api", url + "/client/v4"}},
        {{"token_file", secrets == Secrets::right ? kCloudflareToken : "cf_another_token_of_the_same_length_0000"}}};
  }
  std::vector<std::string> secrets() const override { return {kCloudflareToken}; }

  net::ServerResponse answer(const ApiRequest& request) override {
    const std::string token = request.header("authorization");
    if (!token.starts_with("Bearer ")) return failed_cloudflare(400, 6003, "Invalid request headers");
    if (token != std::string("Bearer ") + kCloudflareToken) return failed_cloudflare(403, 9109, "Invalid access token");
    if (request.is("GET", {"client", "v4", "zones"})) return zones(request);
    if (!request.is(request.method, {"client", "v4", "zones", kCloudflareZoneId, "dns_records"}) &&
        !request.is(request.method, {"client", "v4", "zones", kCloudflareZoneId, "dns_records", "*"}))
      return failed_cloudflare(404, 7003, "Could not route to that, perhaps your object identifier is invalid?");
    if (request.method == "GET") return list(request);
    if (request.method == "POST") return create(json_of(request));
    if (request.method == "DELETE") return remove(request.path.back());
    return failed_cloudflare(405, 7001, "Method not available for that URI.");
  }

 private:
  static net::ServerResponse zones(const ApiRequest& request) {
    Json found = Json::array();
    if (request.parameter("name") == kZone)
      found.push_back({{"id", kCloudflareZoneId}, {"name", kZone}, {"status", "active"}, {"type", "full"}});
    return done(found, {{"page", 1}, {"per_page", 20}, {"count", found.size()}, {"total_count", found.size()}});
  }

  // A page of them: 100 without per_page.
  net::ServerResponse list(const ApiRequest& request) const {
    Json all = Json::array();
    if (request.parameter("type") == "TXT")
      for (const ApiRecord& one : at(request.parameter("name")))
        all.push_back({{"id", fmt::format("{:032x}", one.id)},
                       {"type", "TXT"},
                       {"name", one.name},
                       {"content", one.text},
                       {"ttl", 60},
                       {"proxied", false}});
    const std::string wanted = request.parameter("per_page");
    const std::size_t per_page = wanted.empty() ? 100 : std::stoul(wanted);
    const std::string number = request.parameter("page");
    const std::size_t page = number.empty() ? 1 : std::stoul(number);
    Json shown = Json::array();
    for (std::size_t i = (page - 1) * per_page; i < std::min(all.size(), page * per_page); ++i) shown.push_back(all[i]);
    return done(shown, {{"page", page},
                        {"per_page", per_page},
                        {"count", shown.size()},
                        {"total_count", all.size()},
                        {"total_pages", (all.size() + per_page - 1) / per_page}});
  }

  net::ServerResponse create(const Json& wanted) {
    if (wanted.value("type", "") != "TXT" || wanted.value("content", "").empty())
      return failed_cloudflare(400, 9005, "Content for TXT record is invalid.");
    const int ttl = wanted.value("ttl", 1);
    if (ttl != 1 && (ttl < 60 || ttl > 86400))
      return failed_cloudflare(400, 9021, "ttl must be between 60 and 86400 seconds, or 1 for Automatic");
    const std::string asked = wanted.value("name", "");
    const std::string name = is_inside(asked, kZone) ? asked : full_name(asked, kZone);
    const std::string text = wanted["content"];
    for (const ApiRecord& one : at(name))
      if (value_of(one.text) == value_of(text))
        return failed_cloudflare(400, 81058, "An identical record already exists.");
    const ApiRecord& made = add(name, text);
    return done({{"id", fmt::format("{:032x}", made.id)}, {"type", "TXT"}, {"name", name}, {"content", text}});
  }

  net::ServerResponse remove(const std::string& id) {
    const auto count =
        std::erase_if(records, [&](const ApiRecord& one) { return fmt::format("{:032x}", one.id) == id; });
    return count == 0 ? failed_cloudflare(404, 81044, "Record does not exist.") : done({{"id", id}});
  }
};

}  // namespace

std::unique_ptr<DnsModel> make_cloudflare() { return std::make_unique<Cloudflare>(); }

}  // namespace everseal::fakes
