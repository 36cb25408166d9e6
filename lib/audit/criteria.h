// What an environment demands: policies, severities, thresholds.
#pragma once

#include "audit/policy.h"
#include "audit/rule.h"
#include "base/time.h"
#include "pki/digest.h"
#include "pki/weak_key.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace everseal::audit {

inline constexpr base::Seconds kDay{86'400};
inline constexpr base::Seconds kShortLife = 10 * kDay;

// How much of a life is left when it is told: `part` of `of`, of lives under 10 days at least one of `short_of`, at
// most `most`; or `exactly`, whatever the life.
struct Threshold {
  int part, of;
  int short_of;
  base::Seconds most;
  std::optional<base::Seconds> exactly{};

  base::Seconds left_at(base::Seconds life) const noexcept;
};
inline constexpr Threshold kWarnAt{1, 4, 3, 30 * kDay};
inline constexpr Threshold kCriticalAt{1, 8, 6, 7 * kDay};

// What an authority of ours signs. It must be replaced before it can no longer do so.
struct Signs {
  base::Seconds longest{};          // life
  base::Seconds settle = 7 * kDay;  // how long the trust bundle of its successor must be out
};

struct Criteria {
  std::vector<Policy> policies;  // the environment's, and "webpki", which binds public chains alone
  std::map<std::string, Severity, std::less<>> severities;  // by rule, in place of whatever a judge says
  Threshold warning = kWarnAt;
  Threshold critical = kCriticalAt;
  std::map<pki::Fingerprint, Signs> authorities;  // of ours
  // Remembers what it found of keys. Never null.
  std::shared_ptr<pki::KeyJudge> keys = std::make_shared<pki::KeyJudge>();
};

}  // namespace everseal::audit
