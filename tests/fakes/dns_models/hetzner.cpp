// Zones of the Hetzner Cloud API v1.
#include "fakes/dns_models/model.h"

#include <set>
#include <utility>

namespace everseal::fakes {
namespace {

constexpr const char* kHetznerToken = "LRK9DAWQ1ZAEFSrCNEEzLCUwhYX1U3g7wMg4dTlkkDC96fyDuyJ39nVbVjCKSDfj";

net::ServerResponse failed_hetzner(int status, const std::string& code, const std::string& message) {
  return json_answer(status, {{"error", {{"code", code}, {"message", message}, {"details", Json::object()}}}});
}

class Hetzner final : public DnsModel {
 public:
  ApiOptions options(const std::string& url, Secrets secrets) const override {
    return {{{"api", url + "/v1"}}, {{"token_file", secrets == Secrets::right ? kHetznerToken : "another"}}};
  }
  std::vector<std::string> secrets() const override { return {kHetznerToken}; }

  net::ServerResponse answer(const ApiRequest& request) override {
    if (request.header("authorization") != std::string("Bearer ") + kHetznerToken)
      return failed_hetzner(401, "unauthorized", "the token you have provided is invalid");
    if (request.is("GET", {"v1", "actions", "*"})) return look_at_action(std::stoi(request.path[2]));
    const bool is_set =
        request.path.size() >= 6 && request.path[2] == kZone && request.path[3] == "rrsets" && request.path[5] == "TXT";
    const std::string name = is_set ? full_name(request.path[4], kZone) : "";
    if (is_set && request.is("GET", {"v1", "zones", "*", "rrsets", "*", "*"}) && !at(name).empty())
      return json_answer(200, {{"rrset", shown(name)}});
    if (is_set && request.is("POST", {"v1", "zones", "*", "rrsets", "*", "*", "actions", "*"})) {
      // One change of a zone at a time; by the next try it is done.
      if (!std::exchange(running_, {}).empty())
        return failed_hetzner(423, "locked", "zone is locked by a running action");
      if (request.path.back() == "add_records") return add_records(name, json_of(request));
      if (request.path.back() == "remove_records") return remove_records(name, json_of(request));
    }
    return failed_hetzner(404, "not_found", "resource not found");
  }

 private:
  Json shown(const std::string& name) const {
    Json rows = Json::array();
    for (const ApiRecord& one : at(name)) rows.push_back({{"value", one.text}, {"comment", ""}});
    const auto ttl = ttls.find(name);
    return {{"id", relative_name(name, kZone) + "/TXT"},
            {"name", relative_name(name, kZone)},
            {"type", "TXT"},
            {"ttl", ttl == ttls.end() ? Json(nullptr) : Json(ttl->second)},
            {"labels", Json::object()},
            {"protection", {{"change", false}}},
            {"records", rows},
            {"zone", 42}};
  }

  static Json action(int id, const std::string& status) {
    return {{"id", id},         {"command", "change_rrset"},
            {"status", status}, {"progress", status == "running" ? 0 : 100},
            {"error", nullptr}, {"resources", {{{"id", 42}, {"type", "zone"}}}}};
  }

  // What makes or removes a whole set takes until it was looked at once.
  net::ServerResponse start_action(bool is_whole_set) {
    ++last_action_;
    if (is_whole_set) running_.insert(last_action_);
    return json_answer(201, {{"action", action(last_action_, is_whole_set ? "running" : "success")}});
  }
  net::ServerResponse look_at_action(int id) {
    if (id > last_action_) return failed_hetzner(404, "not_found", "action not found");
    running_.erase(id);
    return json_answer(200, {{"action", action(id, "success")}});
  }

  net::ServerResponse add_records(const std::string& name, const Json& wanted) {
    const Json rows = wanted.value("records", Json::array());
    const auto stands = ttls.find(name);
    if (wanted.contains("ttl") && wanted["ttl"] < 60)
      return failed_hetzner(422, "invalid_input", "invalid input in field 'ttl'");
    if (wanted.contains("ttl") && !at(name).empty() && stands != ttls.end() && wanted["ttl"] != stands->second)
      return failed_hetzner(422, "invalid_input", "ttl must be the same as that of the existing rrset");
    for (const Json& row : rows) {
      if (!is_quoted(row.at("value"))) return failed_hetzner(422, "invalid_input", "TXT value must be quoted");
      for (const ApiRecord& one : at(name))
        if (one.text == row.at("value")) return failed_hetzner(422, "invalid_input", "record already exists");
    }
    const bool is_new = at(name).empty();
    if (is_new && wanted.contains("ttl")) ttls[name] = wanted["ttl"];
    for (const Json& row : rows) add(name, row.at("value"));
    return start_action(is_new);
  }

  net::ServerResponse remove_records(const std::string& name, const Json& wanted) {
    for (const Json& row : wanted.value("records", Json::array())) {
      const auto stands = at(name);
      if (std::ranges::find(stands, row.at("value").get<std::string>(), &ApiRecord::text) == stands.end())
        return failed_hetzner(422, "invalid_input", "record does not exist");
      erase(name, row.at("value"));
    }
    if (at(name).empty()) ttls.erase(name);
    return start_action(at(name).empty());
  }

  std::set<int> running_;
  int last_action_ = 0;
};

}  // namespace

std::unique_ptr<DnsModel> make_hetzner() { return std::make_unique<Hetzner>(); }

}  // namespace everseal::fakes
