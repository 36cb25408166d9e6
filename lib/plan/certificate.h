// The rules for one managed certificate.
#pragma once

#include "config/config.h"
#include "inventory/records.h"
#include "plan/decision.h"
#include "plan/deployments.h"
#include "plan/schedule.h"

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace everseal::plan {

// `kind` is the word for it in JSON and in the key of its attempts.
struct Issue { static constexpr std::string_view kind = "issue"; int number; Name issuer; };
// Ends a version that was begun, is not signed, and that nothing asks for any more: its order, its key, its row.
struct GiveUp { static constexpr std::string_view kind = "give-up"; int number; Name issuer; };
struct MakeLive { static constexpr std::string_view kind = "live"; int number; };
struct Revoke { static constexpr std::string_view kind = "revoke"; std::optional<std::int64_t> intent; int number; pki::RevocationReason reason; };
struct Pin { static constexpr std::string_view kind = "pin"; std::int64_t intent; int number; };
struct Unpin { static constexpr std::string_view kind = "unpin"; std::int64_t intent; };
struct Prune { static constexpr std::string_view kind = "prune"; std::vector<int> keys_of; };
// Takes versions that ended long ago away: rows, directories, keys.
struct Discard { static constexpr std::string_view kind = "discard"; std::vector<int> numbers; };
// Compares the contents of what is in use, in the archive and at its targets, with what was put there, and mends them.
// What is gone fails by itself: when it is back no failure of that keeps it waiting.
struct Compare { static constexpr std::string_view kind = "compare"; int number; bool is_gone = false; };
struct RefreshRenewalInfo { static constexpr std::string_view kind = "renewal-info"; int number; Name issuer; };
struct DeleteKeys { static constexpr std::string_view kind = "delete-keys"; };
struct Forget { static constexpr std::string_view kind = "forget"; std::int64_t intent; };
// An intent that nothing can fulfil any more.
struct EndIntent { static constexpr std::string_view kind = "end"; std::int64_t intent; std::string why; };
using CertificateAction = std::variant<Issue, GiveUp, MakeLive, Revoke, Pin, Unpin, Prune, Discard, Compare, RefreshRenewalInfo,
                                       DeleteKeys, Forget, EndIntent, DeploymentAction>;

// "issue version 3 at corp"
std::string describe(const CertificateAction& action);
StepKey key_of(const CertificateAction& action);

// Does the issuer of a version say when it wants it renewed?
enum class RenewalInfoOf { nobody, issuer };

// Is what the store knows of a version still on the disk? damaged: files are missing that the store can write again.
enum class OnDisk { whole, damaged, lost };

struct VersionFacts {
  inventory::VersionRecord record;
  bool names_match = false;  // its certificate covers exactly what is wanted now
  RenewalInfoOf renewal_info = RenewalInfoOf::nobody;
  std::optional<inventory::RenewalInfoRecord> info;  // what its issuer said last
  OnDisk on_disk = OnDisk::whole;                    // looked at for the version in use alone
  bool is_signed = false;  // of a pending one: its issuer signed it or is about to, so it is finished in any case
};

// once: got by `issue --once` or `--csr`; nothing renews it.
enum class Renewal { automatic, once };

// Stored facts, and what the disk says of the version in use; `versions` oldest first, the newest of them.
struct CertificateFacts {
  config::Certificate wanted;
  bool orphaned = false;
  std::optional<int> pinned;
  Renewal renewal = Renewal::automatic;
  inventory::KeyOwner key_owner = inventory::KeyOwner::ours;
  std::vector<VersionFacts> versions;
  std::vector<inventory::EndedVersionRecord> ended;  // in order of expiry, the first of them
  bool discarded = false;  // this run took some away already: the others have time until the next
  bool touched = false;   // the files of what is in use look otherwise than when they were last found right
  bool compared = false;  // this run did so already
  bool issued = false;    // this run issued as many versions as one may
  std::optional<int> live_link;  // the version that the live link leads to
  int next_number = 1;  // of a version; numbers of a certificate that was removed are not given again
  std::vector<inventory::DeploymentRecord> deployments;
  std::vector<inventory::FormerPlaceRecord> former_places;
  std::vector<Name> lost_targets;
  std::vector<inventory::IntentRecord> intents;
  std::vector<inventory::AttemptRecord> attempts;
  int keep = 2;
  std::string clock_problem;  // why the clock is not to be trusted; "": it is
  std::optional<Time> believed;  // when a clock that is not to be trusted was last; it may be that late, or later
};

Decision<CertificateAction> decide(const CertificateFacts& facts, Time now);

// How many ended versions a decision needs to know of.
inline constexpr int kEndedLookedAt = 128;

// When the clock alone renews a version: at the time drawn from its issuer's window, though never later than
// latest_renewal(); without one at its own.
Time renewal_of(const VersionFacts& version) noexcept;

// Why nothing proves that a certificate is served: another client's servers had it, and nothing deploys it here.
// nullopt where it was made here or is deployed.
std::optional<std::string> unproved(const CertificateFacts& facts);
// The same, where one of its versions is `imported_from` there; "": none is.
std::optional<std::string> unproved(const config::Certificate& wanted, std::string_view imported_from);

// A version that begins no later than this from now is waited for: the clock of its issuer is ahead a little. What begins
// later was made by a clock that was ahead by a time zone or more, ours or another's.
inline constexpr base::Seconds kLongestWait = std::chrono::hours(1);

// The number that a version gets which is begun now.
int next_version(const CertificateFacts& facts) noexcept;

// The version that should be in use: the pinned one while it is usable, else the newest complete one whose validity has
// begun, else the newest complete one. Null where there is none.
const VersionFacts* version_in_use(const CertificateFacts& facts, Time now) noexcept;
// It is live although its validity is still to begin, and not soon: a clock that was ahead made it.
bool is_live_ahead(const inventory::VersionRecord& version, Time now) noexcept;
// The version that a rollback by hand holds.
struct Held {
  int version;
  bool is_in_use;    // false: it cannot be used any more, and another is in its place
  std::string text;  // printable: how it stands and what ends it
};
// nullopt where none is held.
std::optional<Held> held(const CertificateFacts& facts, Time now);
// What is gone from the disk of the version in use, or not in its place there, as far as it is still usable; "": nothing.
std::string loss(const CertificateFacts& facts, Time now);
// Its validity, for back-off; nullopt where there is none.
std::optional<Validity> validity_in_use(const CertificateFacts& facts, Time now) noexcept;

// Of a removal that is to destroy the keys and has not revoked yet.
inline constexpr std::string_view kKeysWait = "its private keys are destroyed when it is revoked";

// May the target go back to `previous` after the probe showed `after`? Gives the reason against it, or nullopt where it
// may. Roll back only if the previous version is unexpired, unrevoked, of the same names, its key not compromised, and
// the probe proved a wrong leaf, or a handshake that worked before the switch and fails after it.
std::optional<std::string> against_rollback(const CertificateFacts& facts,
                                            const inventory::DeploymentRecord& deployment, inventory::Served after,
                                            Time now);

}  // namespace everseal::plan
