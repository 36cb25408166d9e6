// DigitalOcean API v2.
#include "fakes/dns_models/model.h"

#include <fmt/format.h>

namespace everseal::fakes {
namespace {

constexpr const char* kDigitaloceanToken = "dop_v1_0123456789abcdef0123456789abcdef";

net::ServerResponse failed_digitalocean(int status, const std::string& id, const std::string& message) {
  return json_answer(status,
                     {{"id", id}, {"message", message}, {"request_id", "4d9d8375-3c56-4925-a3e7-eb137fed17e9"}});
}

class DigitalOcean final : public DnsModel {
 public:
  ApiOptions options(const std::string& url, Secrets secrets) const override {
    return {{{"api", url}}, {{"token_file", secrets == Secrets::right ? kDigitaloceanToken : "dop_v1_another"}}};
  }
  std::vector<std::string> secrets() const override { return {kDigitaloceanToken}; }

  // Its API has no quotes around a text.
  std::string value_of(const std::string& text) const override { return text; }

  net::ServerResponse answer(const ApiRequest& request) override {
    if (request.header("authorization") != std::string("Bearer ") + kDigitaloceanToken)
      return failed_digitalocean(401, "unauthorized", "Unable to authenticate you");
    if (request.is("GET", {"v2", "domains", kZone, "records"})) return list(request);
    if (request.is("POST", {"v2", "domains", kZone, "records"})) return create(json_of(request));
    if (request.is("DELETE", {"v2", "domains", kZone, "records", "*"}))
      if (std::erase_if(records, [&](const ApiRecord& one) { return std::to_string(one.id) == request.path.back(); }))
        return {.status = 204};
    return failed_digitalocean(404, "not_found", "The resource you were accessing could not be found.");
  }

 private:
  static Json shown(const ApiRecord& one) {
    return {{"id", one.id},     {"type", "TXT"},     {"name", relative_name(one.name, kZone)},
            {"data", one.text}, {"ttl", 30},         {"priority", nullptr},
            {"port", nullptr},  {"weight", nullptr}, {"flags", nullptr},
            {"tag", nullptr}};
  }

  // A page of them: 20 without per_page, never more than 200.
  net::ServerResponse list(const ApiRequest& request) const {
    const std::string wanted = request.parameter("per_page");
    const std::size_t per_page = wanted.empty() ? 20 : std::stoul(wanted);
    if (per_page > 200)
      return failed_digitalocean(422, "unprocessable_entity", "per_page must be less than or equal to 200");
    const std::string number = request.parameter("page");
    const std::size_t page = number.empty() ? 1 : std::stoul(number);
    const std::vector<ApiRecord> all = at(request.parameter("name"));
    Json rows = Json::array();
    for (std::size_t i = (page - 1) * per_page; i < std::min(all.size(), page * per_page); ++i)
      rows.push_back(shown(all[i]));
    Json links = Json::object();
    if (page * per_page < all.size())
      links["pages"] = {{"next", fmt::format("https://api.digitalocean.com/v2/domains/{}/records?page={}&per_page={}",
                                             kZone, page + 1, per_page)}};
    return json_answer(200, {{"domain_records", rows}, {"links", links}, {"meta", {{"total", all.size()}}}});
  }

  net::ServerResponse create(const Json& wanted) {
    if (wanted.value("type", "") != "TXT" || wanted.value("data", "").empty())
      return failed_digitalocean(422, "unprocessable_entity", "Data can't be blank");
    if (wanted.value("ttl", 1800) < 30)
      return failed_digitalocean(422, "unprocessable_entity", "TTL must be greater than or equal to 30");
    return json_answer(201,
                       {{"domain_record", shown(add(full_name(wanted.value("name", ""), kZone), wanted["data"]))}});
  }
};

}  // namespace

std::unique_ptr<DnsModel> make_digitalocean() { return std::make_unique<DigitalOcean>(); }

}  // namespace everseal::fakes
