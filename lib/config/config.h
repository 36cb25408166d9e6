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
  // What is wrong beyond the options' types, and every absolute path that a deployment claims (deploy::Kind::check); or
  // null.
  std::vector<std::string> (*check)(const base::Options& options, const Name& owner,
                                    std::vector<std::string>& claims) = nullptr;
  bool takes_provider = false;  // of challenges: beside its own options the table holds those of a `provider`
};
// All that a config may refer to and that is not written in it.
struct Kinds {
  std::vector<KindOptions> issuer;
  std::vector<KindOptions> deploy;
  std::vector<KindOptions> challenge;
  std::vector<KindOptions> dns;                            // providers
  void (*check_pattern)(std::string_view text) = nullptr;  // of identifiers; throws base::Error that names the rule
  std::vector<std::string> starttls;                      // protocols that a verification can speak; empty: not checked
  std::vector<Name> known_authorities;                    // those in the store, which need no table
  void (*check_target)(std::string_view text) = nullptr;  // of an endpoint; throws base::Error
  std::vector<std::string> rules, severities;             // of the audit; empty: not checked
  std::vector<std::string> exporters;                     // whose metric names can be told; empty: not checked
};
inline constexpr std::string_view kBuiltInProfiles[] = {"server", "client", "peer"};

struct VerifyTarget {
  std::string connect;  // "127.0.0.1:443"
  std::string sni;      // "" : the certificate's first DNS identifier
  std::string starttls;
  bool all_addresses = false;
};
enum class Verification { probe, none };  // none: no listener exists; said explicitly

struct Deployment {
  Name name;
  std::string type;
  base::Options options;  // of the kind
  // What `options` was made of, in normal form: in the order of declaration, paths absolute, durations and modes in one
  // form, what equals its fallback left out.
  base::Table written;
  Verification verification = Verification::none;  // a publication has none of it: it is read back
  std::vector<VerifyTarget> verify;
  base::Seconds verify_timeout{30};  // how long a reload may take to show
  base::Origin origin;
};

struct Certificate {
  Name name;
  std::vector<pki::Identifier> identifiers;  // may be empty where the subject has a CN
  std::vector<Name> issuers;                 // tried in order; an authority's name where no issuer is called so
  std::string environment;
  std::string team;
  std::optional<std::string> profile;
  pki::KeyType key = pki::KeyType::ecdsa_p256;
  pki::DistinguishedName subject;
  std::optional<base::Seconds> lifetime;
  std::vector<Deployment> deployments;  // by name
  base::Origin origin;
};

struct Issuer {
  Name name;
  std::string type;
  base::Options options;
  base::Origin origin;
};

// How names below `zones` are proved to an ACME CA.
struct Challenge {
  Name name;
  std::string type;
  std::vector<std::string> zones;  // lower-case A-labels; empty: every name
  base::Options options;           // of the kind
  std::string provider;            // "" where the kind takes none
  base::Options provider_options;
  base::Origin origin;
};

struct Profile {
  Name name;
  std::vector<std::string> usage;         // extended key usages
  std::optional<base::Seconds> lifetime;  // default
  std::optional<base::Seconds> longest;   // policy
  std::vector<std::string> subject;       // RDNs that a request may carry
  std::vector<std::string> allow, deny;   // identifier patterns: "*.devices.example.org", "10.0.0.0/8", "spiffe://x/*"
  std::vector<pki::KeyType> keys;         // empty: all
  base::Origin origin;
};

struct Authority {
  Name name;
  std::optional<std::string> passphrase_file;
  std::vector<std::string> permitted, excluded;  // name constraints at `ca init`
  std::optional<std::string> crl_url, issuer_url;
  std::optional<base::Seconds> crl_lifetime;  // nextUpdate - thisUpdate
  std::optional<base::Seconds> longest;       // policy over all profiles
  std::vector<std::string> allow, deny;
  base::Seconds settle{7 * 86400};
  std::vector<Deployment> publish;  // by name
  base::Origin origin;
};

// What the audit looks at beside what is kept alive.
struct Endpoint {
  Name name;
  std::vector<std::string> targets;
  std::optional<std::string> targets_file;
  std::string environment;
  std::string team;
  std::vector<std::string> labels;  // "KEY=VALUE"
  std::string sni;
  std::string starttls;  // "" : by the port; "none": TLS at once
  // What it shows where a server asks for it: certificate and chain, PEM, and their key, which may stand in one file.
  std::optional<std::string> client_certificate_file, client_key_file;
  bool any_address = false;                        // one place, whichever address answers
  std::string proxy;                               // URL; "": none
  std::optional<std::string> proxy_password_file;  // USER:PASSWORD
  base::Origin origin;
};

// Of the life that a certificate has when it is issued a part, or a time.
struct LifeLeft {
  int part = 0, of = 0;  // 1 of 4
  base::Seconds time{};  // where `of` is 0
};
std::optional<LifeLeft> parse_life_left(std::string_view text);  // "1/4", "30d"

// A policy that is built in is a word; what has a slash or a dot is the path of another.
bool is_built_in_policy(std::string_view text);

struct Environment {
  Name name;
  std::optional<std::string> policy;       // a built-in one's name, or an absolute path
  std::vector<std::string> trust;          // "system", or absolute paths; empty: the audit's
  std::vector<std::string> further_trust;  // the same, of what some other clients hold
  std::optional<LifeLeft> warning_left, critical_left;
  std::map<std::string, std::string> severity;  // by rule
  base::Origin origin;
};

struct Team {
  Name name;
  std::vector<std::string> names;  // identifier patterns
  std::string runbook;             // URL
  base::Origin origin;
};

struct Audit {
  std::string policy = "intermediate";
  std::vector<std::string> trust{"system"};
  std::vector<std::string> further_trust;
  bool fetches = true;                             // CRLs, and what is asked of the DNS alone
  std::vector<pki::NameConstraint> fetch_allow{};  // address ranges that may be fetched from beside the public ones
  std::vector<std::string> compat{};               // whose metric names are told, too: "blackbox"
  base::Origin origin{};
};

// Files that do not parse: what they define is not known, though nothing that they do not even spell.
struct Unparsed {
  struct File {
    base::Problem problem;            // why
    std::optional<std::string> text;  // nullopt: not even that is known
  };
  std::vector<File> files;

  // The first that may define it; null where none does.
  const File* may_define(std::string_view name) const;
  // The table [SECTION.NAME].
  const File* may_define(std::string_view section, std::string_view name) const;
};

// All but the certificates. Once made it does not change, so any thread may read it.
struct Settings {
  std::optional<std::string> state;
  int keep = 2;                                    // versions that keep their private key
  int workers = 4;                                 // certificates rotated at once
  std::string proxy;                               // URL; "": what the environment says
  std::optional<std::string> proxy_password_file;  // USER:PASSWORD
  std::map<Name, Issuer> issuers;
  std::map<Name, Challenge> challenges;
  std::map<Name, Authority> authorities;
  std::map<Name, Profile> profiles;
  std::map<Name, Endpoint> endpoints;
  std::map<Name, Environment> environments;
  std::map<Name, Team> teams;
  Audit audit{};
  // Tables that are no use, by "issuer/le": why, as a sentence with its place. Of an authority what is right of it is
  // among `authorities` all the same: it signs no certificate by that, but its CRL does not lapse.
  std::map<std::string, std::string> unusable{};
  Unparsed never_read{};  // files that were never right: nothing stands in for what they define
};

// Error(usage) for an environment or a team that is not declared, where one is.
void require_environment(const Settings& settings, std::string_view name);
void require_team(const Settings& settings, std::string_view name);

struct Config : Settings {
  std::map<Name, Certificate> certificates;
  std::vector<std::string> files;  // all that were read, in order
};

// A deployment as a command line asks for it, checked like one of the config; without `verify`, Verification::none.
// Paths that `written` says with line 0 must be absolute. Throws Error(usage) that lists all problems.
Deployment make_deployment(const Name& name, std::string_view type, const base::Table& written,
                           const std::vector<std::string>& verify, const Kinds& kinds, const Name& owner);

// The normal form of a certificate: JSON with sorted keys and resolved paths, equal for equal meaning; and back (but
// for the origins). Error(usage) where a text is not UTF-8; Error(config) where the JSON is none of ours or names a
// kind or an option that does not exist (any more).
std::string normal_form(const Certificate& certificate);
Certificate from_normal_form(std::string_view json, const Kinds& kinds);
// What a deployment's target is, without how it is verified: type and options, JSON; and back, by which it can be taken
// away after it left the config. Error(config) where its kind or an option does not exist any more.
std::string target_form(const Deployment& deployment);
Deployment from_target_form(std::string_view json, const Name& name, const Kinds& kinds);
// Where it puts its files, equal for equal places: its type and directory. "" where it has no place of its own.
std::string place_of(const Deployment& deployment);
// The directory that a target's form names, whatever kinds there are now; "" where it names none, or is no form.
std::string directory_in_form(std::string_view json);
// Of the parts that a new certificate is needed for when they change: the first identifier and the set of all, key,
// profile, subject, lifetime.
std::string issuance_hash(const Certificate& certificate);
// Of the parts that a new switch is needed for: type and options, not how it is verified.
std::string deployment_hash(const Deployment& deployment);

}  // namespace everseal::config
