// The rules for one managed certificate.
#pragma once

#include "config/config.h"
#include "inventory/records.h"
#include "plan/decision.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::plan {

// Does the issuer of a version say when it wants it renewed?
enum class RenewalInfoOf { nobody, issuer };

struct VersionFacts {
  inventory::VersionRecord record;
  bool names_match = false;  // its certificate covers exactly what is wanted now
  RenewalInfoOf renewal_info = RenewalInfoOf::nobody;
  std::optional<inventory::RenewalInfoRecord> info;  // what its issuer said last
};

// once: got by `issue --once` or `--csr`; nothing renews it.
enum class Renewal { automatic, once };

// Stored facts only; `versions` oldest first.
struct CertificateFacts {
  config::Certificate wanted;
  bool orphaned = false;
  std::optional<int> pinned;
  Renewal renewal = Renewal::automatic;
  std::vector<VersionFacts> versions;
  int next_number = 1;  // of a version; numbers of a certificate that was removed are not given again
  std::vector<inventory::DeploymentRecord> deployments;
  std::vector<inventory::IntentRecord> intents;
  std::vector<inventory::AttemptRecord> attempts;
  int keep = 2;
};

Decision decide(const CertificateFacts& facts, Time now);

// When the clock alone renews a version: at the time drawn from its issuer's window, though never later than
// latest_renewal(); without one at its own.
Time renewal_of(const VersionFacts& version) noexcept;

// Why nothing proves that a certificate is served: another client's servers had it, and nothing deploys it here.
// nullopt where it was made here or is deployed.
std::optional<std::string> unproved(const CertificateFacts& facts);
// The same, where one of its versions is `imported_from` there; "": none is.
std::optional<std::string> unproved(const config::Certificate& wanted, std::string_view imported_from);

// The version that should be in use: the pinned one, else the newest complete one. Null where there is none.
const VersionFacts* version_in_use(const CertificateFacts& facts) noexcept;

// May the target go back to `previous` after the probe showed `after`? Gives the reason against it, or nullopt where it
// may. Roll back only if the previous version is unexpired, unrevoked, of the same names, its key not compromised, and
// the probe proved a wrong leaf, or a handshake that worked before the switch and fails after it.
std::optional<std::string> against_rollback(const CertificateFacts& facts,
                                            const inventory::DeploymentRecord& deployment, inventory::Served after,
                                            Time now);

}  // namespace everseal::plan
