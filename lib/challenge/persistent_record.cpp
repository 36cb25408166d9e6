#include "challenge/persistent_record.h"

#include "base/number.h"
#include "base/text.h"

#include <algorithm>
#include <map>
#include <vector>

#include <fmt/format.h>

namespace everseal::challenge {
namespace {

std::string without_dot(std::string_view name) {
  std::string lower = base::lower(base::trim(name));
  if (lower.ends_with('.')) lower.pop_back();
  return lower;
}

}  // namespace

std::string persistent_record(std::string_view issuer_domain, std::string_view account_url, Coverage coverage) {
  return fmt::format("{}; accounturi={}{}", issuer_domain, account_url,
                     coverage == Coverage::name_and_below ? "; policy=wildcard" : "");
}

bool permits(std::string_view record, std::span<const std::string> issuer_domains, std::string_view account_url,
             Coverage coverage, base::Time now) {
  const std::vector<std::string> parts = base::split(record, ';');
  const std::string issuer = without_dot(parts.front());
  if (std::ranges::none_of(issuer_domains, [&](const std::string& domain) { return without_dot(domain) == issuer; }))
    return false;
  std::map<std::string, std::string> tags;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const std::string_view part = base::trim(parts[i]);
    const auto equals = part.find('=');
    if (equals == std::string_view::npos) return false;
    const auto [tag, is_new] =
        tags.emplace(base::lower(base::trim(part.substr(0, equals))), base::trim(part.substr(equals + 1)));
    if (!is_new) return false;
  }
  if (tags["accounturi"] != account_url) return false;
  if (coverage == Coverage::name_and_below && base::lower(tags["policy"]) != "wildcard") return false;
  if (const auto until = tags.find("persistuntil"); until != tags.end()) {
    const auto seconds = base::parse_number<std::int64_t>(until->second);
    if (!seconds || base::from_unix(*seconds) < now) return false;
  }
  return true;
}

}  // namespace everseal::challenge
