// What the models share.
#pragma once

#include "fakes/dns_api.h"

#include <string>

#include <nlohmann/json.hpp>

namespace everseal::fakes {

using Json = nlohmann::json;

inline net::ServerResponse json_answer(int status, const Json& body) {
  return {.status = status, .content_type = "application/json", .body = body.dump()};
}

inline bool is_quoted(const std::string& text) { return text.size() >= 2 && text.front() == '"' && text.back() == '"'; }

inline bool is_inside(const std::string& name, const std::string& zone) {
  return name == zone || name.ends_with("." + zone);
}

// "@" and "www" below a zone, and back.
inline std::string full_name(const std::string& relative, const std::string& zone) {
  return relative == "@" || relative.empty() ? zone : relative + "." + zone;
}
inline std::string relative_name(const std::string& name, const std::string& zone) {
  return name == zone ? "@" : name.substr(0, name.size() - zone.size() - 1);
}

// Null where the body is no JSON.
inline Json json_of(const ApiRequest& request) { return Json::parse(request.body, nullptr, false); }

}  // namespace everseal::fakes
