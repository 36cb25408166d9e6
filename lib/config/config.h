// What the operator wants, validated. Nothing here opened a secret.
#pragma once

#include "base/name.h"
#include "base/options.h"
#include "base/time.h"
#include "base/value.h"
#include "pki/key.h"
#include "pki/name.h"

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::config {

using base::Name;

// What config knows of a kind: its name and options. Config includes no kind.
struct KindOptions {
  std::string_view name;
  std::span<const base::Option> options;
};
struct Kinds {
  std::vector<KindOptions> issuer;
  std::vector<KindOptions> deploy;
};

struct VerifyTarget {
  std::string connect;              // "127.0.0.1:443"
  std::string sni;                  // "" : the certificate's first DNS identifier
  std::string starttls;
  bool all_addresses = false;
};
enum class Verification { probe, none };  // none: no listener exists; said explicitly

struct Deployment {
  Name name;
  std::string type;
  base::Options options;            // of the kind
  base::Table written;              // as written, without type and verify; for the normal form
  Verification verification = Verification::none;
  std::vector<VerifyTarget> verify;
  base::Seconds verify_timeout{30}; // how long a reload may take to show
  base::Origin origin;
};

struct Certificate {
  Name name;
  std::vector<pki::Identifier> identifiers;
  std::vector<Name> issuers;        // tried in order
  std::string environment;
  std::optional<std::string> profile;
  pki::KeyType key = pki::KeyType::ecdsa_p256;
  pki::DistinguishedName subject;
  std::optional<base::Seconds> lifetime;
  std::vector<Deployment> deployments;
  base::Origin origin;
};

struct Issuer {
  Name name;
  std::string type;
  base::Options options;
  base::Origin origin;
};

struct Profile {
  Name name;
  std::vector<std::string> usage;                // extended key usages
  std::optional<base::Seconds> lifetime;         // default
  std::optional<base::Seconds> longest;          // policy
  std::vector<std::string> subject;              // RDNs that a request may carry
  std::vector<std::string> allow, deny;          // identifier patterns: "*.devices.example.org", "10.0.0.0/8", "spiffe://x/*"
  std::vector<pki::KeyType> keys;                // empty: all
  base::Origin origin;
};

struct Authority {
  Name name;
  std::optional<std::string> passphrase_file;
  std::vector<std::string> permitted, excluded;  // name constraints at `ca init`
  std::optional<std::string> crl_url, issuer_url;
  std::optional<base::Seconds> crl_lifetime;     // nextUpdate - thisUpdate
  std::optional<base::Seconds> longest;          // policy over all profiles
  std::vector<std::string> allow, deny;
  base::Seconds settle{7 * 86400};
  std::vector<Deployment> publish;
  base::Origin origin;
};

struct Config {
  std::optional<std::string> state;
  int keep = 2;                                  // versions that keep their private key
  int workers = 4;                               // certificates rotated at once
  std::map<Name, Issuer> issuers;
  std::map<Name, Authority> authorities;
  std::map<Name, Profile> profiles;
  std::map<Name, Certificate> certificates;
  std::vector<std::string> files;                // all that were read, in order
};

// The normal form of a certificate: JSON with sorted keys and resolved paths, equal for equal meaning; and back.
std::string normal_form(const Certificate& certificate);
Certificate from_normal_form(std::string_view json, const Kinds& kinds);
// Of the parts that a new certificate is needed for when they change: identifiers, key, profile, subject, lifetime.
std::string issuance_hash(const Certificate& certificate);
std::string deployment_hash(const Deployment& deployment);

}  // namespace everseal::config
