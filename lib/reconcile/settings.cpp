#include "reconcile/settings.h"

#include "base/error.h"

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
  if (const auto wrong = config.unusable.find("authority/" + name.text()); wrong != config.unusable.end())
    throw base::Error(base::Fault::config, fmt::format("the authority {} is not usable: {}", name, wrong->second));
  authority::Settings settings;
  std::vector<authority::Profile> own;
  for (const auto& [key, profile] : config.profiles) own.push_back(profile_of(profile));
  settings.profiles = authority::merge_profiles(std::move(own));
  const auto found = config.authorities.find(name);
  if (found == config.authorities.end()) return settings;
  const config::Authority& configured = found->second;
  settings.policy = policy_of(configured.allow, configured.deny);
  settings.policy.longest = configured.longest;
  if (configured.crl_url) settings.crl_urls.push_back(*configured.crl_url);
  if (configured.issuer_url) settings.issuer_urls.push_back(*configured.issuer_url);
  if (configured.crl_lifetime) settings.crl_lifetime = *configured.crl_lifetime;
  return settings;
}

}  // namespace everseal::reconcile
