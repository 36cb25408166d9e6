#include "reconcile/settings.h"

#include <fmt/format.h>

namespace everseal::reconcile {
namespace {

authority::Policy policy_of(const std::vector<std::string>& allow, const std::vector<std::string>& deny) {
  authority::Policy policy;
  for (const std::string& text : allow) policy.allow.push_back(authority::Pattern::parse(text));
  for (const std::string& text : deny) policy.deny.push_back(authority::Pattern::parse(text));
  return policy;
}

authority::Profile profile_of(const config::Profile& configured) {
  authority::Profile profile;
  profile.name = configured.name;
  profile.usage = configured.usage;
  if (configured.lifetime) profile.lifetime = *configured.lifetime;
  profile.subject = configured.subject;
  profile.common_name = authority::default_common_name(profile.usage);
  profile.policy = policy_of(configured.allow, configured.deny);
  profile.policy.longest = configured.longest;
  profile.policy.keys = configured.keys;
  return profile;
}

}  // namespace

authority::Settings authority_settings(const config::Settings& config, const base::Name& name) {
  authority::Settings settings;
  if (const auto wrong = config.unusable.find(fmt::format("authority/{}", name)); wrong != config.unusable.end())
    settings.problem = wrong->second;
  else if (!config.authorities.contains(name) && config.never_read.may_define("authority", name.text()))
    settings.problem = "a config file that cannot be read may hold its table";
  std::vector<authority::Profile> own;
  for (const auto& [key, profile] : config.profiles) own.push_back(profile_of(profile));
  settings.profiles = authority::merge_profiles(std::move(own));
  // A built-in one of that name would allow what the operator's does not.
  std::erase_if(settings.profiles, [&](const authority::Profile& profile) {
    return config.unusable.contains(fmt::format("profile/{}", profile.name)) ||
           (!config.profiles.contains(profile.name) && config.never_read.may_define("profile", profile.name.text()));
  });
  const auto found = config.authorities.find(name);
  if (found == config.authorities.end()) return settings;
  const config::Authority& configured = found->second;
  if (configured.crl_lifetime) settings.crl_lifetime = *configured.crl_lifetime;
  if (!settings.problem.empty()) return settings;  // the rest is of certificates, and may not even parse
  settings.policy = policy_of(configured.allow, configured.deny);
  settings.policy.longest = configured.longest;
  if (configured.crl_url) settings.crl_urls.push_back(*configured.crl_url);
  if (configured.issuer_url) settings.issuer_urls.push_back(*configured.issuer_url);
  return settings;
}

}  // namespace everseal::reconcile
