// What an environment demands: policies, severities, thresholds.
#pragma once

#include "audit/policy.h"
#include "audit/rule.h"
#include "base/time.h"
#include "pki/digest.h"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::audit {

inline constexpr base::Seconds kDay{86'400};
inline constexpr base::Seconds kShortLife = 10 * kDay;

// How much of a life is left when it is told: one of `parts`, at most `most`; of lives under 10 days one of
// `short_parts`; or `exactly`, whatever the life.
struct Threshold {
  int parts;
  int short_parts;
  base::Seconds most;
  std::optional<base::Seconds> exactly{};

  base::Seconds left_at(base::Seconds life) const noexcept;
};
inline constexpr Threshold kWarnAt{4, 3, 30 * kDay};
inline constexpr Threshold kCriticalAt{8, 6, 7 * kDay};
// "1/4" (the rest as in `otherwise`) or a duration, "21d". nullopt where it is neither.
std::optional<Threshold> parse_threshold(std::string_view text, const Threshold& otherwise);

struct Criteria {
  std::vector<Policy> policies;  // the environment's, and "webpki", which binds public chains alone
  std::map<std::string, Severity, std::less<>> severities;  // by rule, in place of whatever a judge says
  Threshold warning = kWarnAt;
  Threshold critical = kCriticalAt;
  // Authorities of ours: the longest life that each signs. They must be replaced before they can no longer sign it.
  std::map<pki::Fingerprint, base::Seconds> authorities;
  base::Seconds settle = 7 * kDay;  // how long a new trust bundle must be out
};

// Throws Error(config) for a severity of a rule that does not exist, with the nearest that does.
void check(const Criteria& criteria);

}  // namespace everseal::audit
