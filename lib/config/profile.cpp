#include "base/error.h"
#include "base/text.h"
#include "config/reader.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace everseal::config {
namespace {

using base::printable;

bool is_oid(std::string_view text) {
  bool dot = false;
  char last = '.';
  for (const char c : text) {
    if (c != '.' && (c < '0' || c > '9')) return false;
    if (c == '.' && last == '.') return false;
    dot = dot || c == '.';
    last = c;
  }
  return dot && last != '.' && text.size() <= 128;
}

void check_usage(const Named& from, const Profile& profile, Reader& reader) {
  static const std::vector<std::string> known{"serverAuth",      "clientAuth",   "codeSigning",
                                              "emailProtection", "timeStamping", "OCSPSigning"};
  const std::string key = from.key + ".usage";
  if (base::find(from.table, "usage") != nullptr && profile.usage.empty())
    reader.complain(origin_of(from.table, "usage", from.origin), key, "a profile needs at least one usage",
                    "for example usage = [\"clientAuth\"]");
  for (std::size_t i = 0; i < profile.usage.size(); ++i) {
    const std::string& usage = profile.usage[i];
    if (is_oid(usage) || std::ranges::find(known, usage) != known.end()) continue;
    const auto near = base::nearest(usage, known);
    reader.complain(origin_of_item(from.table, "usage", i, from.origin), key,
                    fmt::format("'{}' is not an extended key usage", printable(usage.substr(0, 80))),
                    near ? fmt::format("did you mean '{}'?", *near)
                         : fmt::format("one of: {}, or an OID", base::join(known, ", ")));
  }
}

void check_subject(const Named& from, const Profile& profile, Reader& reader) {
  for (std::size_t i = 0; i < profile.subject.size(); ++i) {
    try {
      // Two letters are a value that every attribute admits.
      if (pki::DistinguishedName::parse(profile.subject[i] + "=DE").rdns.size() == 1) continue;
    } catch (const base::Error&) {
    }
    reader.complain(origin_of_item(from.table, "subject", i, from.origin), from.key + ".subject",
                    fmt::format("'{}' is not an attribute of a name", printable(profile.subject[i].substr(0, 80))),
                    "for example CN, O, OU, L, ST, C");
  }
}

void read_keys(const Named& from, const base::Options& options, Profile& profile, Reader& reader) {
  const std::vector<std::string> texts = options.strings("keys");
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (const auto type = pki::parse_key_type(texts[i])) {
      profile.keys.push_back(*type);
      continue;
    }
    std::vector<std::string> known;
    for (const pki::KeyType type : pki::kAllKeyTypes) known.emplace_back(pki::to_string(type));
    reader.complain(origin_of_item(from.table, "keys", i, from.origin), from.key + ".keys",
                    fmt::format("'{}' is not a key type", printable(texts[i].substr(0, 80))),
                    fmt::format("one of: {}", base::join(known, ", ")));
  }
}

}  // namespace

std::vector<std::string> read_patterns(const Named& from, std::string_view option, const base::Options& options,
                                       Reader& reader) {
  std::vector<std::string> patterns = options.strings(option);
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    const std::string& pattern = patterns[i];
    const base::Origin& origin = origin_of_item(from.table, option, i, from.origin);
    const std::string key = fmt::format("{}.{}", from.key, option);
    if (pattern.empty() || pattern.find_first_of(" \t") != std::string::npos || printable(pattern) != pattern) {
      reader.complain(origin, key,
                      fmt::format("'{}' is not a pattern of identifiers", printable(pattern.substr(0, 80))),
                      "for example \"*.example.org\", \"10.0.0.0/8\", \"spiffe://example.org/*\"");
      continue;
    }
    try {
      if (reader.kinds.check_pattern != nullptr) reader.kinds.check_pattern(pattern);
    } catch (const base::Error& error) {
      reader.complain(origin, key, error.message(), error.hint());
    }
  }
  return patterns;
}

Profile read_profile(const Named& from, Reader& reader) {
  Profile profile;
  profile.name = from.name;
  profile.origin = from.origin;
  const base::Options options = read_options(from, Section::profile, reader);
  profile.usage = options.strings("usage");
  check_usage(from, profile, reader);
  profile.lifetime = options.duration("lifetime");
  profile.longest = options.duration("longest");
  if (profile.lifetime && profile.longest && *profile.lifetime > *profile.longest)
    reader.complain(origin_of(from.table, "lifetime", from.origin), from.key + ".lifetime",
                    fmt::format("{} is more than longest, {}", base::format_duration(*profile.lifetime),
                                base::format_duration(*profile.longest)));
  profile.subject = options.strings("subject");
  check_subject(from, profile, reader);
  profile.allow = read_patterns(from, "allow", options, reader);
  profile.deny = read_patterns(from, "deny", options, reader);
  read_keys(from, options, profile, reader);
  return profile;
}

}  // namespace everseal::config
