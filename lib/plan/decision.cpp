#include "plan/decision.h"

#include <fmt/format.h>

namespace everseal::plan {

std::string_view to_string(Rule rule) noexcept {
  switch (rule) {
    case Rule::orphaned: return "orphaned";
    case Rule::interrupted: return "interrupted";
    case Rule::requested: return "requested";
    case Rule::missing: return "missing";
    case Rule::lost: return "lost";
    case Rule::touched: return "touched";
    case Rule::specification_changed: return "specification_changed";
    case Rule::issuer_left: return "issuer_left";
    case Rule::revoked: return "revoked";
    case Rule::renewal_suggested: return "renewal_suggested";
    case Rule::renewal_due: return "renewal_due";
    case Rule::renewed_too_often: return "renewed_too_often";
    case Rule::renewal_info_due: return "renewal_info_due";
    case Rule::not_valid_yet: return "not_valid_yet";
    case Rule::not_live: return "not_live";
    case Rule::held: return "held";
    case Rule::not_deployed: return "not_deployed";
    case Rule::target_changed: return "target_changed";
    case Rule::target_left: return "target_left";
    case Rule::not_verified: return "not_verified";
    case Rule::wrong_certificate_served: return "wrong_certificate_served";
    case Rule::failed_before: return "failed_before";
    case Rule::no_longer_wanted: return "no_longer_wanted";
    case Rule::key_no_longer_needed: return "key_no_longer_needed";
    case Rule::ended_long_ago: return "ended_long_ago";
    case Rule::crl_due: return "crl_due";
    case Rule::crl_changed: return "crl_changed";
    case Rule::no_intermediate: return "no_intermediate";
    case Rule::ended: return "ended";
    case Rule::clock_untrusted: return "clock_untrusted";
    case Rule::dns_fault: return "dns_fault";
    case Rule::unreadable: return "unreadable";
    case Rule::nothing_due: return "nothing_due";
  }
  return "nothing_due";
}

std::string_view to_string(Gate gate) noexcept {
  switch (gate) {
    case Gate::open: return "open";
    case Gate::backing_off: return "backing_off";
    case Gate::needs_operator: return "needs_operator";
    case Gate::clock_untrusted: return "clock_untrusted";
  }
  return "open";
}

const inventory::AttemptRecord* failed(const std::vector<inventory::AttemptRecord>& attempts,
                                       const StepKey& key) noexcept {
  const auto found = std::ranges::find_if(attempts, [&](const inventory::AttemptRecord& attempt) {
    return attempt.step == key.step && attempt.target == key.target;
  });
  return found == attempts.end() ? nullptr : &*found;
}

std::optional<Hold> hold_of(const inventory::AttemptRecord* attempt, Time now) {
  if (attempt == nullptr) return std::nullopt;
  const Time not_before = attempt->not_before.value_or(attempt->needs_operator ? Time::max() : now);
  if (not_before <= now) return std::nullopt;
  return Hold{attempt->needs_operator ? Gate::needs_operator : Gate::backing_off, not_before,
              {Rule::failed_before, fmt::format("{} failure(s) in a row{}: {}", attempt->count,
                                                attempt->target.empty() ? std::string() : " at " + attempt->target,
                                                attempt->problem)}};
}

}  // namespace everseal::plan
