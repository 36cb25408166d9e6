// Which methods are tried for which name.
#pragma once

#include "challenge/challenge.h"

#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace everseal::challenge {

class Choice {
 public:
  explicit Choice(std::span<const Method> methods);  // which outlive it

  // One more zone of a method, which comes after those that have the same zone already.
  void add(std::string_view zone, const Method& method);

  // In the order in which they are tried for `name`, a wildcard's without its "*.": those that have a zone above it,
  // the longest zone first; then those without zones, in their order. Of one zone first come those that prove no
  // wildcards: behind others they would never be tried.
  std::vector<const Method*> candidates(std::string_view name) const;
  // The first of them that can prove it, whatever the CA offers; nullptr where none can.
  const Method* first_for(const pki::Identifier& identifier) const;
  // The same among those that have this very zone.
  const Method* first_of(std::string_view zone, const pki::Identifier& identifier) const;

 private:
  std::unordered_map<std::string, std::vector<const Method*>> zoned_;
  std::vector<const Method*> unzoned_;
};

// May a method of this type prove `identifier` at all?
bool can_prove(const Method& method, const pki::Identifier& identifier);
bool proves_wildcards(const Method& method);

}  // namespace everseal::challenge
