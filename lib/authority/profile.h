// What a certificate may be used for, as data.
#pragma once

#include "authority/policy.h"

#include <string>
#include <vector>

namespace everseal::authority {

enum class CommonName {
  from_identifier,  // the first DNS name or IP address that fits; what a request says must agree with an identifier
  free,             // what the request says; without it, the first identifier that fits
};

// Apple's limit for server certificates, also under private roots.
inline constexpr base::Seconds kLongestServer = std::chrono::days{825};

struct Profile {
  Name name;
  std::vector<std::string> usage;  // extended key usages: "serverAuth", "clientAuth", or OIDs; never empty
  base::Seconds lifetime = std::chrono::days{90};
  std::vector<std::string> subject;  // attributes that a subject may carry: "CN", "O", ...
  CommonName common_name = CommonName::from_identifier;
  Policy policy;
};

// A certificate with serverAuth is for names, so its common name follows them.
CommonName default_common_name(std::span<const std::string> usage);
bool is_for_servers(std::span<const std::string> usage);

// server, client, peer.
std::vector<Profile> builtin_profiles();
// The built-in ones with `own` in place of those of the same name and after them; one for servers that says nothing of
// the longest life has kLongestServer. Throws Error(config) for one that breaks a rule: no usage, an unknown attribute,
// a lifetime beyond the longest.
std::vector<Profile> merge_profiles(std::vector<Profile> own);
// Throws Error(usage) that lists those that exist.
const Profile& find_profile(std::span<const Profile> profiles, const Name& name);

}  // namespace everseal::authority
