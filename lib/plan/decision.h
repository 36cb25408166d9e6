// What is to be done for one subject, why, and when to look again.
#pragma once

#include "base/name.h"
#include "base/time.h"
#include "inventory/records.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace everseal::plan {

using base::Name;
using base::Time;

// One Rule a check, in the order in which they are asked.
enum class Rule {
  orphaned,            // vanished from the config: nothing is done any more
  interrupted,         // an earlier run began it
  requested,           // a person asked for it
  missing,
  specification_changed,
  issuer_left,         // its issuer is no longer in the list
  revoked,
  renewal_suggested,   // the CA's renewal information says so
  renewal_due,
  renewed_too_often,   // held back: several versions are that young already
  renewal_info_due,    // the CA is to be asked when it wants the renewal
  not_live,
  not_deployed,
  target_changed,
  not_verified,
  wrong_certificate_served,
  failed_before,       // an earlier attempt failed; this is the next one
  key_no_longer_needed,
  crl_due,
  crl_changed,
  no_intermediate,     // an authority that cannot sign yet
  nothing_due,
};
std::string_view to_string(Rule rule) noexcept;

struct Reason {
  Rule rule;
  std::string text;
};

// `kind` is the word for it in JSON, for programs.
struct Issue { static constexpr std::string_view kind = "issue"; int number; Name issuer; };
struct MakeLive { static constexpr std::string_view kind = "live"; int number; };
struct Deploy { static constexpr std::string_view kind = "deploy"; Name target; std::int64_t number; };
struct Verify { static constexpr std::string_view kind = "verify"; Name target; };
struct RollBack { static constexpr std::string_view kind = "rollback"; Name target; std::int64_t to; };
struct Revoke { static constexpr std::string_view kind = "revoke"; std::int64_t intent; int number; pki::RevocationReason reason; };
struct Pin { static constexpr std::string_view kind = "pin"; std::int64_t intent; int number; };
struct Unpin { static constexpr std::string_view kind = "unpin"; std::int64_t intent; };
struct Prune { static constexpr std::string_view kind = "prune"; std::vector<int> keys_of; };
struct RefreshRenewalInfo { static constexpr std::string_view kind = "renewal-info"; int number; Name issuer; };
struct SignCrl { static constexpr std::string_view kind = "crl"; };
using Action = std::variant<Issue, MakeLive, Deploy, Verify, RollBack, Revoke, Pin, Unpin, Prune, RefreshRenewalInfo, SignCrl>;

// "issue version 3 at corp", "deploy version 3 to nginx"
std::string describe(const Action& action);

enum class Gate { open, backing_off, needs_operator };
std::string_view to_string(Gate gate) noexcept;

struct Step {
  Action action;
  std::vector<Reason> why;
  Gate gate = Gate::open;
  Time not_before{};        // in the past where it may be done now
};

struct Decision {
  std::vector<Step> steps;        // in the order in which they are to be done
  std::vector<Reason> standing;   // why nothing else is
  Time look_again = Time::max();
  // The first step that may be done at `now`; null where there is none.
  const Step* next(Time now) const noexcept;
};

}  // namespace everseal::plan
