#include "archive/manifest.h"

#include "base/error.h"

#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace everseal::archive {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kRemove = "remove";
constexpr const char* kRevoke = "revoke";

[[noreturn]] void corrupt(std::string message) { throw base::Error(base::Fault::corrupt, std::move(message)); }

const Json& member(const Json& object, std::string_view key) {
  const auto found = object.find(key);
  if (found == object.end()) corrupt(fmt::format("'{}' is missing", key));
  return *found;
}

std::string text(const Json& object, std::string_view key) {
  const Json& value = member(object, key);
  if (!value.is_string()) corrupt(fmt::format("'{}' is not a string", key));
  return value.get<std::string>();
}

Name name(const Json& object, std::string_view key) {
  const std::string value = text(object, key);
  if (!Name::is_valid(value)) corrupt(fmt::format("'{}' is not a name", key));
  return Name::parse(value);
}

// No issuer is known of a version that was taken over from another client.
Name optional_name(const Json& object, std::string_view key) {
  return text(object, key).empty() ? Name() : name(object, key);
}

base::Time time(const Json& object, std::string_view key) {
  const auto when = base::parse_time(text(object, key));
  if (!when) corrupt(fmt::format("'{}' is not a time", key));
  return *when;
}

// A reason of a later form still says "revoked".
std::optional<Revoked> revoked(const Json& object) {
  const auto found = object.find("revoked");
  if (found == object.end()) return std::nullopt;
  if (!found->is_object()) corrupt("'revoked' is not an object");
  return Revoked{time(*found, "at"),
                 pki::parse_revocation_reason(text(*found, "reason")).value_or(pki::RevocationReason::unspecified)};
}

int positive(const Json& object, std::string_view key) {
  const Json& value = member(object, key);
  if (!value.is_number_integer() || value < 1 || value > std::numeric_limits<int>::max())
    corrupt(fmt::format("'{}' is not the number of a version", key));
  return value.get<int>();
}

Json object_of(std::string_view json, std::string_view form) {
  Json object = Json::parse(json, nullptr, false);
  if (!object.is_object()) corrupt("it is not a JSON object");
  const Json& number = member(object, form);
  if (!number.is_number_integer() || number != 1) corrupt("its form is not one that this Everseal knows");
  return object;
}

}  // namespace

std::string to_json(const Removal& removal) {
  const Json json = {{"removal", 1}, {"through", removal.through}, {"removed", base::format_time(removal.when)}};
  return json.dump(2) + "\n";
}

Removal parse_removal(std::string_view json) {
  const Json object = object_of(json, "removal");
  return {positive(object, "through"), time(object, "removed")};
}

std::string to_json(const std::vector<Request>& requests) {
  Json open = Json::array();
  for (const Request& one : requests) {
    Json json = {{"kind", one.kind == Request::Kind::remove ? kRemove : kRevoke},
                 {"reason", to_string(one.reason)},
                 {"revoke", one.revoke},
                 {"delete_keys", one.delete_keys},
                 {"actor", one.actor},
                 {"created", base::format_time(one.created)}};
    if (one.version) json["version"] = *one.version;
    open.push_back(std::move(json));
  }
  return Json{{"requests", 1}, {"open", std::move(open)}}.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::vector<Request> parse_requests(std::string_view json) {
  const Json object = object_of(json, "requests");
  const Json& open = member(object, "open");
  if (!open.is_array()) corrupt("'open' is not a list");
  std::vector<Request> requests;
  for (const Json& one : open) {
    if (!one.is_object()) corrupt("'open' holds what is no object");
    const std::string kind = text(one, "kind");
    if (kind != kRemove && kind != kRevoke) corrupt("'kind' is not one that this Everseal knows");
    const auto reason = pki::parse_revocation_reason(text(one, "reason"));
    if (!reason) corrupt("'reason' is no reason");
    requests.push_back({.kind = kind == kRemove ? Request::Kind::remove : Request::Kind::revoke,
                        .version = one.contains("version") ? std::optional(positive(one, "version")) : std::nullopt,
                        .reason = *reason,
                        .revoke = one.value("revoke", Json(false)) == true,
                        .delete_keys = one.value("delete_keys", Json(false)) == true,
                        .actor = text(one, "actor"),
                        .created = time(one, "created")});
  }
  return requests;
}

std::string to_json(const Manifest& manifest) {
  Json json = {{"manifest", 1},
               {"name", manifest.name.text()},
               {"number", manifest.number},
               {"issuer", manifest.issuer.text()},
               {"spec", manifest.spec},
               {"spec_hash", manifest.spec_hash},
               {"fingerprint", manifest.fingerprint},
               {"created", base::format_time(manifest.created)},
               {"external_key", manifest.external_key}};
  if (manifest.once) json["once"] = true;
  if (!manifest.imported_from.empty()) json["imported_from"] = manifest.imported_from;
  if (manifest.revoked)
    json["revoked"] = {{"at", base::format_time(manifest.revoked->when)},
                       {"reason", to_string(manifest.revoked->reason)}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Manifest parse_manifest(std::string_view json) {
  const Json object = object_of(json, "manifest");
  const int number = positive(object, "number");
  const Json& external_key = member(object, "external_key");
  if (!external_key.is_boolean()) corrupt("'external_key' is not true or false");
  return {.name = name(object, "name"),
          .number = number,
          .issuer = optional_name(object, "issuer"),
          .spec = text(object, "spec"),
          .spec_hash = text(object, "spec_hash"),
          .fingerprint = text(object, "fingerprint"),
          .created = time(object, "created"),
          .external_key = external_key.get<bool>(),
          .once = object.value("once", Json(false)) == true,
          .imported_from = object.contains("imported_from") ? text(object, "imported_from") : std::string(),
          .revoked = revoked(object)};
}

}  // namespace everseal::archive
