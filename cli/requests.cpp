#include "requests.h"

#include "base/time.h"

#include <nlohmann/json.hpp>

namespace everseal::cli {

std::string requests_in_json(const std::vector<inventory::IntentRecord>& requests) {
  using Json = nlohmann::ordered_json;
  Json list = Json::array();
  for (const inventory::IntentRecord& intent : requests) {
    const bool revokes = intent.kind == inventory::IntentKind::revoke;
    list.push_back({{"kind", to_string(intent.kind)},
                    {"version", intent.version ? Json(*intent.version) : Json()},
                    {"reason", revokes ? Json(to_string(intent.reason)) : Json()},
                    {"asked_by", intent.actor.empty() ? Json() : Json(intent.actor)},
                    {"asked_at", base::format_time(intent.created)}});
  }
  return list.dump(-1, ' ', true, Json::error_handler_t::replace);
}

}  // namespace everseal::cli
