// The rules for one authority: its CRL is fresh and published.
#pragma once

#include "config/config.h"
#include "inventory/records.h"
#include "plan/decision.h"
#include "plan/deployments.h"

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace everseal::plan {

struct SignCrl { static constexpr std::string_view kind = "crl"; };
using AuthorityAction = std::variant<SignCrl, DeploymentAction>;

std::string describe(const AuthorityAction& action);
StepKey key_of(const AuthorityAction& action);

struct AuthorityFacts {
  inventory::AuthorityRecord record;
  bool has_intermediate = true;                 // false: the CSR still waits for the root that lives elsewhere
  std::optional<Time> begins;                   // its certificate; nullopt where there is none
  std::optional<Time> ends;                     // its certificate, which signs the CRLs; nullopt where there is none
  std::optional<inventory::CrlRecord> crl;      // newest of the active generation
  bool crl_on_disk = true;                      // crl.der is that one
  bool revocations_lost = false;                // nobody knows what it revoked: no CRL can be signed
  std::string missing;                          // what it cannot sign without, with what to do; "": all is there
  std::vector<Name> lost_targets;               // where what was published is gone or something else
  std::vector<config::Deployment> publish;
  std::vector<inventory::DeploymentRecord> deployments;
  std::vector<inventory::FormerPlaceRecord> former_places;
  std::vector<inventory::AttemptRecord> attempts;
  std::string clock_problem;                    // why the clock is not to be trusted; "": it is
};

// When a CRL is to be followed by the next: half of its life before its end.
Time refresh_time(const inventory::CrlRecord& crl) noexcept;

inline constexpr std::string_view kCrlLost = "crl.der is not the CRL that was signed last";

inline constexpr std::string_view kAnotherAuthority =
    "`everseal ca init NEW` makes another, `everseal issue --as NAME --issuer NEW` moves a certificate to it";

Decision<AuthorityAction> decide(const AuthorityFacts& facts, Time now);

}  // namespace everseal::plan
