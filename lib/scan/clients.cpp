#include "scan/clients.h"

#include "authority/profile.h"

#include <algorithm>

namespace everseal::scan {

std::set<base::Name> client_certificates(const config::Config& config) {
  const auto is_for_clients = [](const std::vector<std::string>& usage) {
    return std::ranges::find(usage, "clientAuth") != usage.end();
  };
  std::set<std::string> profiles;
  for (const authority::Profile& profile : authority::builtin_profiles())
    if (is_for_clients(profile.usage)) profiles.insert(profile.name.text());
  for (const auto& [name, profile] : config.profiles) {
    profiles.erase(name.text());
    if (is_for_clients(profile.usage)) profiles.insert(name.text());
  }
  std::set<base::Name> names;
  for (const auto& [name, certificate] : config.certificates)
    if (certificate.profile && profiles.contains(*certificate.profile)) names.insert(name);
  return names;
}

}  // namespace everseal::scan
