#include "challenge/choice.h"

#include <algorithm>

namespace everseal::challenge {
namespace {

acme::Authorization authorization_of(const pki::Identifier& identifier) {
  if (!identifier.is_wildcard()) return {.url = {}, .identifier = identifier};
  return {.url = {}, .identifier = pki::Identifier::parse(identifier.text().substr(2)), .wildcard = true};
}

const Method* first_that_can(std::span<const Method* const> methods, const pki::Identifier& identifier) {
  const auto found =
      std::ranges::find_if(methods, [&](const Method* method) { return can_prove(*method, identifier); });
  return found == methods.end() ? nullptr : *found;
}

}  // namespace

bool can_prove(const Method& method, const pki::Identifier& identifier) {
  const Kind* const kind = find_kind(method.type);
  return kind != nullptr && kind->can_prove(authorization_of(identifier));
}

bool proves_wildcards(const Method& method) {
  static const pki::Identifier wildcard = pki::Identifier::parse("*.example.org");
  return can_prove(method, wildcard);
}

Choice::Choice(std::span<const Method> methods) {
  for (const Method& method : methods) {
    for (const std::string& zone : method.zones) add(zone, method);
    if (method.zones.empty()) unzoned_.push_back(&method);
  }
}

void Choice::add(std::string_view zone, const Method& method) {
  std::vector<const Method*>& there = zoned_[std::string(zone)];
  there.insert(proves_wildcards(method)
                   ? there.end()
                   : std::ranges::find_if(there, [](const Method* one) { return proves_wildcards(*one); }),
               &method);
}

std::vector<const Method*> Choice::candidates(std::string_view name) const {
  std::vector<const Method*> found;
  for (std::string_view zone = name; !zone.empty();) {
    if (const auto there = zoned_.find(std::string(zone)); there != zoned_.end())
      for (const Method* const method : there->second)
        if (std::ranges::find(found, method) == found.end()) found.push_back(method);
    const std::size_t dot = zone.find('.');
    zone.remove_prefix(dot == std::string_view::npos ? zone.size() : dot + 1);
  }
  found.insert(found.end(), unzoned_.begin(), unzoned_.end());
  return found;
}

const Method* Choice::first_for(const pki::Identifier& identifier) const {
  const std::string_view name = identifier.text();
  return first_that_can(candidates(identifier.is_wildcard() ? name.substr(2) : name), identifier);
}

const Method* Choice::first_of(std::string_view zone, const pki::Identifier& identifier) const {
  const auto there = zoned_.find(std::string(zone));
  return there == zoned_.end() ? nullptr : first_that_can(there->second, identifier);
}

}  // namespace everseal::challenge
