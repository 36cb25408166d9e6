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

// "": it is usable, as far as the config says.
std::string why_unusable(const config::Settings& config, const base::Name& profile) {
  if (const auto wrong = config.unusable.find(fmt::format("profile/{}", profile)); wrong != config.unusable.end())
    return wrong->second;
  const auto* const file = config.never_read.may_define("profile", profile.text());
  if (file == nullptr || config.profiles.contains(profile)) return {};
  return fmt::format("its table may stand in a file that is wrong: {}", base::without_hint(file->problem));
}

}  // namespace

authority::Settings authority_settings(const config::Settings& config, const base::Name& name) {
  authority::Settings settings;
  if (const auto wrong = config.unusable.find(fmt::format("authority/{}", name)); wrong != config.unusable.end())
    settings.problem = wrong->second;
  else if (const auto* const file = config.never_read.may_define("authority", name.text());
           file != nullptr && !config.authorities.contains(name))
    settings.problem =
        fmt::format("its table may stand in a file that is wrong: {}", base::without_hint(file->problem));
  std::vector<authority::Profile> own;
  for (const auto& [key, profile] : config.profiles) own.push_back(profile_of(profile));
  settings.profiles = authority::merge_profiles(std::move(own));
  // A built-in one of that name would allow what the operator's does not.
  settings.why_unusable = [&config](const base::Name& profile) { return why_unusable(config, profile); };
  std::erase_if(settings.profiles,
                [&](const authority::Profile& profile) { return !settings.why_unusable(profile.name).empty(); });
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
