// The HTTP API of a PowerDNS Authoritative Server 4.9: tests/system/powerdns_test.cpp holds the kind against a real
// one.
#include "fakes/dns_models/model.h"

#include <fmt/format.h>

namespace everseal::fakes {
namespace {

constexpr const char* kKey = "changeme-5f1e";

class PowerDns final : public DnsModel {
 public:
  ApiOptions options(const std::string& url, Secrets secrets) const override {
    return {{{"api", url}}, {{"key_file", secrets == Secrets::right ? kKey : "another"}}};
  }
  std::vector<std::string> secrets() const override { return {kKey}; }

  net::ServerResponse answer(const ApiRequest& request) override {
    if (request.header("x-api-key") != kKey) return {.status = 401, .body = "Unauthorized"};
    const std::string zone = std::string(kZone) + ".";
    if (request.is("GET", {"api", "v1", "servers", "localhost", "zones", zone})) return show(request);
    if (request.is("PATCH", {"api", "v1", "servers", "localhost", "zones", zone})) return change(json_of(request));
    if (request.is("PUT", {"api", "v1", "servers", "localhost", "zones", zone, "notify"}))
      return failed_powerdns("Zone 'example.org.' is not a primary domain");
    return {.status = 404, .body = "Not Found"};
  }

 private:
  static net::ServerResponse failed_powerdns(const std::string& what) { return json_answer(422, {{"error", what}}); }

  net::ServerResponse show(const ApiRequest& request) const {
    const std::string asked = request.parameter("rrset_name");
    const std::string name = asked.substr(0, asked.size() - 1);
    Json sets = Json::array();
    if (const auto all = at(name); !all.empty() && request.parameter("rrset_type") == "TXT") {
      Json rows = Json::array();
      for (const ApiRecord& one : all) rows.push_back({{"content", one.text}, {"disabled", one.disabled}});
      sets.push_back({{"name", asked},
                      {"type", "TXT"},
                      {"ttl", ttls.contains(name) ? ttls.at(name) : 3600},
                      {"records", rows},
                      {"comments", Json::array()}});
    }
    return json_answer(
        200,
        {{"id", std::string(kZone) + "."}, {"name", std::string(kZone) + "."}, {"kind", "Native"}, {"rrsets", sets}});
  }

  net::ServerResponse change(const Json& wanted) {
    for (const Json& set : wanted.at("rrsets")) {
      const std::string dotted = set.at("name");
      if (!dotted.ends_with('.')) return failed_powerdns(fmt::format("DNS Name '{}' is not canonical", dotted));
      const std::string name = dotted.substr(0, dotted.size() - 1);
      if (!is_inside(name, kZone)) return failed_powerdns(fmt::format("RRset {} IN TXT: Name is out of zone", dotted));
      const bool deletes = set.at("changetype") == "DELETE";
      const Json rows = deletes ? Json::array() : set.at("records");
      std::vector<std::string> seen;
      for (const Json& row : rows) {
        const std::string text = row.at("content");
        if (!is_quoted(text))
          return failed_powerdns(
              fmt::format("Record {}/TXT '{}': Not in expected format (parsed as '\"{}\"')", dotted, text, text));
        if (std::ranges::find(seen, text) != seen.end())
          return failed_powerdns(fmt::format("Duplicate record in RRset {} IN TXT with content \"{}\"", dotted, text));
        seen.push_back(text);
      }
      erase(name);
      for (const Json& row : rows) add(name, row.at("content")).disabled = row.value("disabled", false);
      if (!deletes) ttls[name] = set.at("ttl");
    }
    return {.status = 204};
  }
};

}  // namespace

std::unique_ptr<DnsModel> make_powerdns() { return std::make_unique<PowerDns>(); }

}  // namespace everseal::fakes
