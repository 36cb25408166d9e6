// deSEC API v1.
#include "fakes/dns_models/model.h"

namespace everseal::fakes {
namespace {

constexpr const char* kDesecToken = "mu4W4MHuSc0Hy-GD1h_dnKuZBond";
constexpr int kShortestTtl = 3600;

net::ServerResponse failed_desec(int status, const std::string& detail) {
  return json_answer(status, {{"detail", detail}});
}

class Desec final : public DnsModel {
 public:
  ApiOptions options(const std::string& url, Secrets secrets) const override {
    return {{{"api", url + "/api/v1"}}, {{"token_file", secrets == Secrets::right ? kDesecToken : "another-token"}}};
  }
  std::vector<std::string> secrets() const override { return {kDesecToken}; }

  net::ServerResponse answer(const ApiRequest& request) override {
    if (request.header("authorization") != std::string("Token ") + kDesecToken)
      return failed_desec(401, "Invalid token.");
    if (request.is("GET", {"api", "v1", "domains", kZone, ""}))
      return json_answer(200, {{"name", kZone}, {"minimum_ttl", kShortestTtl}});
    if (request.is("GET", {"api", "v1", "domains", kZone, "rrsets", "*", "TXT", ""}))
      if (const std::string name = full_name(request.path[5], kZone); !at(name).empty())
        return json_answer(200, shown(name));
    if (request.is("PUT", {"api", "v1", "domains", kZone, "rrsets", ""})) return replace(json_of(request));
    return failed_desec(404, "Not found.");
  }

 private:
  Json shown(const std::string& name) const {
    const std::string subname = name == kZone ? "" : relative_name(name, kZone);
    Json texts = Json::array();
    for (const ApiRecord& one : at(name)) texts.push_back(one.text);
    return {{"domain", kZone}, {"subname", subname}, {"name", name + "."},
            {"type", "TXT"},   {"records", texts},   {"ttl", ttls.at(name)}};
  }

  // All sets of the list, or none.
  net::ServerResponse replace(const Json& sets) {
    if (!sets.is_array()) return json_answer(400, {{"non_field_errors", {"Expected a list of items."}}});
    for (const Json& set : sets) {
      if (set.value("ttl", 0) < kShortestTtl)
        return json_answer(400, {{{"ttl", {"Ensure this value is greater than or equal to 3600."}}}});
      if (set.value("type", "") != "TXT" || set.value("subname", "@") == "@")
        return json_answer(400, {{{"subname", {"Subname can only use (lowercase) a-z, 0-9, ., -, and _."}}}});
      for (const std::string text : set.at("records"))
        if (!is_quoted(text))
          return json_answer(400, {{{"records", {"Record content malformed: Unquoted or unescaped text."}}}});
    }
    Json result = Json::array();
    for (const Json& set : sets) {
      const std::string name = full_name(set.at("subname"), kZone);
      erase(name);
      for (const std::string text : set.at("records")) add(name, text);
      ttls[name] = set.at("ttl");
      if (!set.at("records").empty()) result.push_back(shown(name));
    }
    return json_answer(200, result);
  }
};

}  // namespace

std::unique_ptr<DnsModel> make_desec() { return std::make_unique<Desec>(); }

}  // namespace everseal::fakes
