#include "authority/profile.h"

#include "base/error.h"
#include "base/text.h"
#include "pki/attribute.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::authority {
namespace {

Profile builtin(std::string_view name, std::vector<std::string> usage, std::vector<std::string> subject) {
  Profile profile;
  profile.name = Name::parse(name);
  profile.common_name = default_common_name(usage);
  profile.usage = std::move(usage);
  profile.subject = std::move(subject);
  profile.policy.longest = kLongestServer;
  return profile;
}

// Also writes attributes in their usual case.
void require_sound(Profile& profile) {
  const auto refuse = [&](std::string rule) {
    throw base::Error(base::Fault::config, fmt::format("profile {}: {}", profile.name, rule));
  };
  if (profile.usage.empty()) refuse("it names no usage");
  for (const std::string& usage : profile.usage)
    if (usage == "anyExtendedKeyUsage") refuse("anyExtendedKeyUsage would allow everything");
  if (profile.lifetime <= base::Seconds(0)) refuse("its lifetime is not positive");
  if (profile.policy.longest && profile.lifetime > *profile.policy.longest)
    refuse(fmt::format("its lifetime {} is longer than its longest {}", base::format_duration(profile.lifetime),
                       base::format_duration(*profile.policy.longest)));
  if (is_for_servers(profile.usage) && *profile.policy.longest > kLongestServer)
    refuse("a server certificate lives 825 days at most");
  for (std::string& attribute : profile.subject) {
    const pki::Attribute* known = pki::find_attribute(attribute);
    if (known == nullptr)
      refuse(fmt::format("subject: {} is no attribute that Everseal writes", base::printable(attribute)));
    attribute = std::string(known->name);
  }
}

}  // namespace

bool is_for_servers(std::span<const std::string> usage) {
  return std::ranges::any_of(usage, [](const std::string& name) { return name == "serverAuth"; });
}

CommonName default_common_name(std::span<const std::string> usage) {
  return is_for_servers(usage) ? CommonName::from_identifier : CommonName::free;
}

std::vector<Profile> builtin_profiles() {
  return {
      builtin("server", {"serverAuth"}, {"CN"}),
      builtin("client", {"clientAuth"}, {"C", "ST", "L", "O", "OU", "CN", "UID"}),
      builtin("peer", {"serverAuth", "clientAuth"}, {"C", "ST", "L", "O", "OU", "CN"}),
  };
}

std::vector<Profile> merge_profiles(std::vector<Profile> own) {
  std::vector<Profile> profiles = builtin_profiles();
  for (Profile& profile : own) {
    if (is_for_servers(profile.usage) && !profile.policy.longest) profile.policy.longest = kLongestServer;
    require_sound(profile);
    const auto found = std::ranges::find(profiles, profile.name, &Profile::name);
    if (found == profiles.end()) {
      profiles.push_back(std::move(profile));
    } else {
      *found = std::move(profile);
    }
  }
  return profiles;
}

const Profile& find_profile(std::span<const Profile> profiles, const Name& name) {
  const auto found = std::ranges::find(profiles, name, &Profile::name);
  if (found != profiles.end()) return *found;
  std::vector<std::string> names;
  for (const Profile& profile : profiles) names.push_back(profile.name.text());
  throw base::Error(base::Fault::usage, fmt::format("there is no profile {}", name),
                    fmt::format("there are: {}", base::join(names, ", ")));
}

}  // namespace everseal::authority
