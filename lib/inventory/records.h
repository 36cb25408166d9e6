// What the inventory remembers, as plain values. Rules (plan, audit) and sinks (notify, report) know these and no SQL.
#pragma once

#include "base/name.h"
#include "base/text.h"
#include "base/time.h"
#include "pki/certificate.h"
#include "pki/crl.h"
#include "pki/digest.h"
#include "pki/name.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::inventory {

using base::Name;
using base::Time;

// How long what has ended is remembered: events of `run`, versions, certificates, requests that were done.
inline constexpr base::Seconds kRemembered{400 * 86400};

enum class VersionState {
  pending,  // intent recorded; key may be staged; the issuer may have been asked
  issued,   // certificate known and complete in the archive
  live,     // the live link points at it
  retired,  // another version is live
};
std::string_view to_string(VersionState state) noexcept;
std::optional<VersionState> parse_version_state(std::string_view text) noexcept;

// A row of the certificate table: what listing needs, without parsing DER again.
struct CertificateRecord {
  pki::Fingerprint fingerprint;
  std::string serial;       // hex
  base::Untrusted subject;  // RFC 4514 text
  base::Untrusted issuer;
  base::Untrusted names;  // SAN values, ", " between them
  Time not_before;
  Time not_after;
  std::string key;  // "ECDSA P-256"
  bool is_ca = false;
  Time first_seen;
  std::optional<Time> revoked_at;
  std::optional<pki::RevocationReason> revocation_reason;
  // Where it is a version of something managed:
  std::optional<Name> managed;
  std::optional<int> version;
  std::optional<VersionState> version_state;
  std::string environment;  // of the managed certificate; "" otherwise
  std::string issuer_name;  // configured issuer that it came from; "" where only seen
};
// The subject alternative names one by one. A name that itself holds ", " becomes two; exact are those of the
// certificate.
std::vector<std::string> names_of(const CertificateRecord& record);

// Of a certificate that is first seen then, and no version of anything.
CertificateRecord record_of(const pki::Certificate& certificate, Time first_seen);

enum class KeyOwner { ours, external };  // external: the CSR came from elsewhere, no key here
std::string_view to_string(KeyOwner owner) noexcept;
std::optional<KeyOwner> parse_key_owner(std::string_view text) noexcept;

// What has steps with outside effects.
struct SubjectId {
  std::string kind;  // "certificate", "authority"
  Name name;
  std::string text() const { return kind + "/" + name.text(); }  // as events, attempts and outcomes name it
  bool operator==(const SubjectId&) const = default;
};
inline SubjectId certificate_subject(const Name& name) { return {"certificate", name}; }
inline SubjectId authority_subject(const Name& name) { return {"authority", name}; }

struct DueSubject {
  Name name;
  Time look_again;
};

// A managed certificate as last read from the config, plus what is remembered of it.
struct ManagedRecord {
  Name name;
  std::string spec;         // config's normal form, JSON
  std::string spec_hash;    // SHA-256 of `spec`, hex
  std::string origin;       // "FILE:LINE", or "once"
  std::string environment;  // as `spec` says; listings filter by it
  KeyOwner key_owner = KeyOwner::ours;
  bool orphaned = false;      // vanished from the config
  std::optional<int> pinned;  // version that a manual rollback holds
};

// What has to stand on the disk for one managed certificate that is in use.
struct InUseRecord {
  Name name;
  int number = 0;
  bool has_key = true;
  std::vector<std::string> paths;  // of its deployments
  std::string seen;                // what its files looked like when their contents were last found right; "": never
};

struct VersionRecord {
  Name name;
  int number = 0;
  VersionState state = VersionState::pending;
  Name issuer;
  std::string spec_hash;  // of the part of the spec that a new certificate is needed for when it changes
  std::optional<pki::Fingerprint> certificate;
  std::vector<pki::Fingerprint> chain;  // what the issuer sent above the leaf, in order
  std::optional<Time> not_before;
  std::optional<Time> not_after;
  std::optional<Time> revoked_at;
  std::optional<pki::RevocationReason> revocation_reason;
  std::optional<Time> renew_at;  // drawn once
  Time created;
  bool has_key = true;        // false after `keep` removed it, or where it is external
  std::string imported_from;  // directory of another client that it was taken over from; "": made here
};

// A version that has expired and is not live.
struct EndedVersionRecord {
  int number = 0;
  Time not_after;
};

enum class ArtifactKind { version, crl, bundle };
std::string_view to_string(ArtifactKind kind) noexcept;
std::optional<ArtifactKind> parse_artifact_kind(std::string_view text) noexcept;

enum class DeploymentState {
  staged,    // files written beside the current ones
  switched,  // the current link points at them; reload and proof outstanding
  reloaded,  // the server was told; proof outstanding
  verified,
  unverified,    // kept, but not proved; looked at again
  unverifiable,  // no listener exists: switched and reloaded is all that can be known
  failed,        // rolled back, or never switched; tried again after not_before
};
// Is it in place and proved, as far as that can be?
constexpr bool is_proved(DeploymentState state) noexcept {
  return state == DeploymentState::verified || state == DeploymentState::unverifiable;
}
std::string_view to_string(DeploymentState state) noexcept;
std::optional<DeploymentState> parse_deployment_state(std::string_view text) noexcept;

// What the listener did at a moment, compared with what we want it to serve.
enum class Served { unknown, wanted, previous, other, handshake_failed, unreachable };
std::string_view to_string(Served served) noexcept;
std::optional<Served> parse_served(std::string_view text) noexcept;

// One artifact at one target. Key: (owner kind, owner, target).
struct DeploymentRecord {
  ArtifactKind artifact = ArtifactKind::version;
  Name owner;                // managed certificate, or authority
  Name target;               // deployment's name in the config
  std::string spec_hash;     // of the target's options; "" where it is to be deployed once more
  std::string spec;          // normal form of the target as it was deployed to; "" where that is not known
  std::string paths;         // where something stands as long as what was deployed does, one a line; "": unknown
  std::int64_t version = 0;  // wanted: version number, or CRL number
  std::optional<std::int64_t> previous;  // what was current before; what a rollback goes back to
  std::optional<std::int64_t> current;   // what the current link points at, as far as we recorded
  DeploymentState state = DeploymentState::staged;
  Served before = Served::unknown;  // probed before the switch
  Served after = Served::unknown;   // probed last after it
  std::string reload_problem;       // "" where the reload succeeded or none is configured
  std::string problem;              // last failure, printable
  int attempts = 0;                 // since the last success
  std::optional<Time> not_before;   // of the next attempt
  Time changed;
};

// Where a target was deployed before its place changed, until it is emptied.
struct FormerPlaceRecord {
  std::int64_t id = 0;
  ArtifactKind artifact = ArtifactKind::version;
  Name owner;
  Name target;
  std::string spec;  // normal form of the target
  Time left_at;
};

enum class IntentKind { issue_once, force_renew, deploy, rollback, revoke, remove };
std::string_view to_string(IntentKind kind) noexcept;
std::optional<IntentKind> parse_intent_kind(std::string_view text) noexcept;

enum class IntentOutcome { done, failed, cancelled };
std::string_view to_string(IntentOutcome outcome) noexcept;

// What a person asked for once; consumed by the step that fulfils it, or withdrawn.
struct IntentRecord {
  std::int64_t id = 0;
  IntentKind kind = IntentKind::force_renew;
  Name subject;
  std::optional<int> version;                                         // of rollback and revoke
  pki::RevocationReason reason = pki::RevocationReason::unspecified;  // of revoke
  base::Bytes csr;                                                    // of issue_once with an external key; DER
  bool revoke = false;                                                // of remove: every unexpired version
  bool delete_keys = false;                                           // of remove: those at the targets too
  std::string actor;                                                  // who asked
  Time created;
};
std::string asker(const IntentRecord& intent);     // printable; "somebody" where nobody knows
std::string asked_by(const IntentRecord& intent);  // "root asked for it 2026-11-30T02:45:21Z"

// Failures of one step for one subject, by issuer or target.
struct AttemptRecord {
  std::string step;     // "issue", "revoke", "sign-crl"
  std::string subject;  // "certificate/www"
  std::string target;   // issuer, deployment, version, or ""
  int count = 0;        // in a row
  std::string problem;
  std::string fault;            // by name ("io"); "" where it is older than that
  bool needs_operator = false;  // repeating it does not help
  std::optional<Time> not_before;
  Time last;
};
// Which version was to be revoked, made live or compared; nullopt of any other step, whose target is an issuer, a
// deployment or "".
std::optional<int> version_of(const AttemptRecord& attempt);
// "revoke of version 3", "deploy at nginx", "crl".
std::string describe(const AttemptRecord& attempt);

// An account of ours at an ACME CA (RFC 8555 section 7.1.2).
struct AccountRecord {
  Name issuer;                       // configured name
  std::string directory;             // URL
  std::string url;                   // "" until the CA has answered
  std::string folder;                // below accounts/; its key lies there
  std::vector<std::string> contact;  // as the CA last confirmed it
  std::string status;                // "valid", "deactivated", "revoked"; "" until the CA has answered
  Time created;
};

// The newest order of a version (RFC 8555 section 7.1.3).
struct OrderRecord {
  Name name;
  int version = 0;
  Name issuer;
  std::string directory;
  std::string account;  // URL
  std::string profile;
  std::string url;     // "" between the intent and the CA's answer
  std::string status;  // "intended", then the CA's words
  std::optional<Time> expires;
  Time created;
  Time changed;
};

// What the CA last said of when a certificate should be renewed (RFC 9773).
struct RenewalInfoRecord {
  pki::Fingerprint certificate;
  std::optional<Time> start, end;  // absent where the CA says nothing
  std::optional<Time> renew_at;    // drawn once within the window
  base::Untrusted explanation;     // a URL, or ""
  Time ask_again;
  std::string problem;  // of the last time that it was asked; printable
  int failures = 0;     // in a row
};

struct AuthorityRecord {
  Name name;
  std::string settings;    // JSON: constraints, CRL and AIA URLs, defaults
  bool crl_dirty = false;  // something was revoked since the newest CRL
};

enum class AuthorityRole { root, intermediate };
std::string_view to_string(AuthorityRole role) noexcept;
std::optional<AuthorityRole> parse_authority_role(std::string_view text) noexcept;
enum class GenerationState { prepared, published, active, retired };
std::string_view to_string(GenerationState state) noexcept;
std::optional<GenerationState> parse_generation_state(std::string_view text) noexcept;

// One certificate of an authority; several generations may exist at once (rotation).
struct AuthorityCertificateRecord {
  Name authority;
  AuthorityRole role = AuthorityRole::intermediate;
  int generation = 1;
  GenerationState state = GenerationState::active;
  pki::Fingerprint fingerprint;
  base::Bytes der;
  std::string key_file;  // below authorities/<name>/; "" where the key lives elsewhere
};

// A certificate that one of our authorities signed. Its serial is taken as long as it is remembered; random ones do not
// come a second time.
struct IssuedRecord {
  Name authority;
  int generation = 1;
  std::string serial;
  pki::Fingerprint fingerprint;  // all zero where only a CRL is left to tell of it
  Time not_after;
  std::optional<Time> revoked_at;
  std::optional<pki::RevocationReason> reason;
};

struct CrlRecord {
  Name authority;
  int generation = 1;
  std::uint64_t number = 0;
  Time this_update;
  Time next_update;
  base::Bytes der;
};

// The chains of the history: what the authorities did, kept for ever; and all else.
enum class Chain { ca, run };
inline constexpr std::array kChains{Chain::ca, Chain::run};
std::string_view to_string(Chain chain) noexcept;
std::optional<Chain> parse_chain(std::string_view text) noexcept;

// One line of the history.
struct EventRecord {
  Chain chain = Chain::run;
  std::int64_t number = 0;  // 1, 2, 3, ... in its chain, without gaps
  Time when;
  std::string actor;    // "root", "eversealed", uid name of who ran the program
  std::string action;   // "certificate.issued", "deployment.rolled_back", dotted noun.verb
  std::string subject;  // "certificate/www", "authority/corp"
  std::string detail;   // JSON object, one line, no secret
  std::string hash;     // hex SHA-256 over the previous hash and the fields above
};

// Where certificates are seen.
// name: a name of the DNS, of which something is asked though nothing is served there: the host of a CRL.
enum class PlaceKind { endpoint, file, name };
std::string_view to_string(PlaceKind kind) noexcept;
std::optional<PlaceKind> parse_place_kind(std::string_view text) noexcept;

struct PlaceRecord {
  std::int64_t id = 0;
  PlaceKind kind = PlaceKind::endpoint;
  base::Untrusted name;  // "www.example.org:443", or a path
  std::string address;   // "10.0.0.1:443"; "" of a file, and where any address of a name will do
  std::string environment;
  std::string team;
  std::string labels;  // JSON object; "" where there are none
  std::string source;  // who named it last: "config", "arguments", "nginx", ...
  Time first_look;
  Time last_look;
  std::optional<Time> gone;  // since when its source names it no more

  std::string text() const;  // printable: "www.example.org:443 at 10.0.0.1:443"
};

// What a look showed. `outcome` and `phase` are the reason code; of a file both say what became of reading it.
struct ProbeRecord {
  Time at;
  std::string outcome;  // "complete"
  std::string phase;    // where it ended: "handshake"
  std::string problem;  // printable
  std::string tls_version, cipher, group;
  base::Untrusted alpn;
  std::string client_certificate;  // "", "requested", "required"
  std::optional<pki::Fingerprint> leaf;
  std::optional<std::chrono::microseconds> handshake;
};

// A certificate at a place.
struct SightingRecord {
  std::int64_t place = 0;
  int position = 0;  // 0: the leaf, or the first of a file
  pki::Fingerprint certificate;
  Time first_seen;
  std::optional<Time> last_seen;  // absent: the place's last look still showed it
};

// The severities of findings, the gravest first.
inline constexpr std::array<std::string_view, 4> kSeverities{"critical", "error", "warning", "notice"};
// 4: critical, ... 1: notice, 0: any other text.
int gravity(std::string_view severity) noexcept;

// A rule that a place breaks, or a certificate at it.
struct FindingRecord {
  std::int64_t id = 0;
  std::string rule;
  std::int64_t place = 0;
  std::optional<pki::Fingerprint> certificate;
  std::string severity;
  std::string what;  // printable
  Time opened;
  std::optional<Time> closed;
  std::optional<Time> raised{};  // since when it is worse than it was
};

// Somebody knows of it and said why it may be. What grows worse than it was then is not what he knows.
struct AcknowledgementRecord {
  std::int64_t id = 0;
  std::string rule;
  std::int64_t place = 0;
  std::string reason;
  std::string actor;
  Time created;
  Time until;
  std::optional<Time> withdrawn;
  std::string severity{"critical"};  // the gravest that it holds for

  bool holds_at(Time now) const noexcept { return !withdrawn && now < until; }
  bool covers(const FindingRecord& finding) const noexcept { return gravity(finding.severity) <= gravity(severity); }
};

// An environment whose places were judged by a policy of its own.
struct EnvironmentPolicy {
  std::string environment;
  std::string policy;  // "modern 6.0"
  std::string hash;    // SHA-256, hex
  auto operator<=>(const EnvironmentPolicy&) const = default;
};

struct AuditRunRecord {
  std::int64_t id = 0;
  std::string scope;  // digest of what was asked for
  std::string what;   // the same for people: "12 endpoints of the config"
  Time started;
  std::optional<Time> ended;  // absent: killed, or at it still
  bool complete = false;      // all of it was looked at
  std::int64_t looked = 0;
  std::int64_t failed = 0;  // of those, could not be looked at as a whole
  std::string policy;       // "intermediate 6.0"
  std::string policy_hash;  // SHA-256, hex
  std::string actor;
  std::vector<EnvironmentPolicy> by_environment{};  // by name
};

}  // namespace everseal::inventory
