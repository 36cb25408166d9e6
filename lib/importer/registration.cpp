#include "importer/registration.h"

#include <nlohmann/json.hpp>

namespace everseal::importer {
namespace {

using nlohmann::json;

// A null for what is not there.
const json& member(const json& object, const char* name) {
  static const json kNone;
  const auto found = object.find(name);  // the end where `object` is none
  return found == object.end() ? kNone : *found;
}

std::string text(const json& value) { return value.is_string() ? value.get<std::string>() : std::string(); }

}  // namespace

Registration read_registration(std::string_view json_text) {
  const json root = json::parse(json_text, nullptr, false);
  const json& lego = member(root, "registration");
  const json& resource = lego.is_object() ? lego : root;
  Registration found{.url = text(member(resource, "uri")), .contact = {}};
  if (found.url.empty()) found.url = text(member(resource, "accountURL"));
  for (const json* const holder : {&member(resource, "body"), &resource})
    if (const json& list = member(*holder, "contact"); list.is_array() && found.contact.empty())
      for (const json& one : list)
        if (const std::string contact = text(one); contact.find(':') != std::string::npos)
          found.contact.push_back(contact);
  if (const std::string address = text(member(root, "email"));
      found.contact.empty() && address.find('@') != address.npos)
    found.contact.push_back("mailto:" + address);
  return found;
}

}  // namespace everseal::importer
