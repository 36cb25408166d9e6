#include "plan/decision.h"

#include <fmt/format.h>

namespace everseal::plan {
namespace {

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};

}  // namespace

std::string_view to_string(Rule rule) noexcept {
  switch (rule) {
    case Rule::orphaned: return "orphaned";
    case Rule::interrupted: return "interrupted";
    case Rule::requested: return "requested";
    case Rule::missing: return "missing";
    case Rule::specification_changed: return "specification_changed";
    case Rule::issuer_left: return "issuer_left";
    case Rule::revoked: return "revoked";
    case Rule::renewal_suggested: return "renewal_suggested";
    case Rule::renewal_due: return "renewal_due";
    case Rule::renewed_too_often: return "renewed_too_often";
    case Rule::renewal_info_due: return "renewal_info_due";
    case Rule::not_live: return "not_live";
    case Rule::not_deployed: return "not_deployed";
    case Rule::target_changed: return "target_changed";
    case Rule::not_verified: return "not_verified";
    case Rule::wrong_certificate_served: return "wrong_certificate_served";
    case Rule::failed_before: return "failed_before";
    case Rule::key_no_longer_needed: return "key_no_longer_needed";
    case Rule::crl_due: return "crl_due";
    case Rule::crl_changed: return "crl_changed";
    case Rule::no_intermediate: return "no_intermediate";
    case Rule::nothing_due: return "nothing_due";
  }
  return "nothing_due";
}

std::string_view to_string(Gate gate) noexcept {
  switch (gate) {
    case Gate::open: return "open";
    case Gate::backing_off: return "backing_off";
    case Gate::needs_operator: return "needs_operator";
  }
  return "open";
}

std::string describe(const Action& action) {
  return std::visit(
      Overloaded{
          [](const Issue& s) { return fmt::format("issue version {} at {}", s.number, s.issuer); },
          [](const MakeLive& s) { return fmt::format("make version {} live", s.number); },
          [](const Deploy& s) { return fmt::format("deploy version {} to {}", s.number, s.target); },
          [](const Verify& s) { return fmt::format("verify {}", s.target); },
          [](const RollBack& s) { return fmt::format("roll {} back to version {}", s.target, s.to); },
          [](const Revoke& s) { return fmt::format("revoke version {} ({})", s.number, to_string(s.reason)); },
          [](const Pin& s) { return fmt::format("go back to version {} and stay there", s.number); },
          [](const Unpin&) { return std::string("deploy the newest version again"); },
          [](const RefreshRenewalInfo& s) { return fmt::format("ask {} when version {} is to be renewed", s.issuer, s.number); },
          [](const Prune& s) { return fmt::format("delete the private keys of {} old version(s)", s.keys_of.size()); },
          [](const SignCrl&) { return std::string("sign a new CRL"); },
      },
      action);
}

const Step* Decision::next(Time now) const noexcept {
  for (const Step& step : steps)
    if (step.gate != Gate::needs_operator && step.not_before <= now) return &step;
  return nullptr;
}

}  // namespace everseal::plan
