#include "audit/judge.h"

#include <algorithm>

namespace everseal::audit {
namespace {

base::Seconds life_of(const pki::Certificate& certificate) noexcept {
  return certificate.not_after() - certificate.not_before() + base::Seconds(1);
}

// The last second of a life belongs to it (RFC 5280 section 4.1.2.5).
bool is_over(const pki::Certificate& certificate, base::Time now) noexcept { return certificate.not_after() < now; }

// The worst threshold that is reached, with what it asked for.
struct Reached {
  Severity severity;
  base::Seconds threshold;
};
std::optional<Reached> reached(const pki::Certificate& certificate, const Context& at, base::Seconds warn_at) {
  const base::Seconds left = certificate.not_after() - at.now;
  const base::Seconds critical_at = at.criteria.critical.left_at(life_of(certificate));
  if (left <= critical_at) return Reached{Severity::critical, critical_at};
  if (left <= warn_at) return Reached{Severity::warning, warn_at};
  return std::nullopt;
}

Fields ends(const pki::Certificate& certificate) {
  return {{"certificate", ours(named(certificate))}, {"ends", ours(base::format_time(certificate.not_after()))}};
}

Fields ends_soon(const pki::Certificate& certificate, const Reached& how, base::Time now) {
  Fields fields = ends(certificate);
  fields.emplace_back("left", ours(base::approximate(certificate.not_after() - now)));
  fields.emplace_back("threshold", ours(base::format_duration(how.threshold)));
  return fields;
}

// What an authority of ours needs: twice the longest life that it signs, until its successor is trusted everywhere.
base::Seconds warning_of(const pki::Certificate& authority, const Criteria& criteria) {
  constexpr base::Seconds kAuthorityMargin = 30 * kDay;
  const auto signs = criteria.authorities.find(authority.fingerprint());
  if (signs == criteria.authorities.end()) return criteria.warning.left_at(life_of(authority));
  return 2 * signs->second.longest + signs->second.settle + kAuthorityMargin;
}

void judge_expired(const Context& at, Found& found) {
  const pki::Certificate* const leaf = at.leaf();
  if (leaf == nullptr || at.sight.role == Role::anchor || !is_over(*leaf, at.now)) return;
  found.add(ends(*leaf), fmt::format("{} ended {}", named(*leaf), base::format_time(leaf->not_after())), leaf);
}

void judge_expiring(const Context& at, Found& found) {
  const pki::Certificate* const leaf = at.leaf();
  if (leaf == nullptr || at.sight.role == Role::anchor || is_over(*leaf, at.now)) return;
  const auto how = reached(*leaf, at, at.criteria.warning.left_at(life_of(*leaf)));
  if (!how) return;
  found.add(how->severity, ends_soon(*leaf, *how, at.now),
            fmt::format("{} ends {}", named(*leaf), base::format_time(leaf->not_after())), leaf);
}

void judge_not_yet_valid(const Context& at, Found& found) {
  for (const pki::Certificate& one : path_in_use(at.sight)) {
    if (one.not_before() <= at.now) continue;
    const std::string begins = base::format_time(one.not_before());
    found.add({{"certificate", ours(named(one))}, {"begins", ours(begins)}},
              fmt::format("{} begins {}", named(one), begins), &one);
  }
}

std::vector<pki::Certificate> authorities_of(const Context& at) {
  std::vector<pki::Certificate> path = path_in_use(at.sight);
  if (at.sight.role != Role::anchor && !path.empty()) path.erase(path.begin());
  return path;
}

void judge_authority_expired(const Context& at, Found& found) {
  if (at.sight.role == Role::anchor) return;
  for (const pki::Certificate& one : authorities_of(at)) {
    if (!is_over(one, at.now)) continue;
    found.add(ends(one),
              fmt::format("{} on the way to the root ended {}", named(one), base::format_time(one.not_after())), &one);
  }
}

void judge_authority_expiring(const Context& at, Found& found) {
  for (const pki::Certificate& one : authorities_of(at)) {
    const bool is_ours = at.criteria.authorities.contains(one.fingerprint());
    if (is_over(one, at.now) || (at.sight.role == Role::anchor && !is_ours)) continue;
    if (const auto how = reached(one, at, warning_of(one, at.criteria)))
      found.add(how->severity, ends_soon(one, *how, at.now),
                fmt::format("{} on the way to the root ends {}", named(one), base::format_time(one.not_after())), &one);
  }
}

void judge_cross_sign_expired(const Context& at, Found& found) {
  if (at.sight.role == Role::anchor || !at.sight.trust || at.sight.trust->accepted() == nullptr) return;
  for (std::size_t i = 1; i < at.sight.chain.size(); ++i) {
    const pki::Certificate& one = at.sight.chain[i];
    // Of a further store that needs it, that store's verdict says that it ended.
    if (!is_over(one, at.now) || at.sight.trust->is_needed(one)) continue;
    found.add(ends(one),
              fmt::format("{} is sent, ended {}, and no client of this environment needs it", named(one),
                          base::format_time(one.not_after())),
              &one);
  }
}

void judge_anchor_expired(const Context& at, Found& found) {
  if (at.sight.role != Role::anchor) return;
  for (const pki::Certificate& one : at.sight.chain)
    if (is_over(one, at.now))
      found.add(ends(one), fmt::format("{} ended {}", named(one), base::format_time(one.not_after())), &one);
}

constexpr std::string_view kValidity = "RFC 5280 sections 4.1.2.5 and 6.1.3";

const Judge kExpiryJudges[] = {
    {{"expired", Severity::critical, "certificate has expired",
      "The certificate of this place is past its end. Clients that check it refuse the connection.",
      "Renew it and reload the server. If a newer one is on the disk already, the reload is what is missing.",
      kValidity},
     judge_expired},
    {{"expiring", Severity::warning, "certificate expires soon",
      "Less of the certificate's life is left than the environment's threshold: by default a quarter, at most 30 days, "
      "and critical at an eighth, at most 7 days; of lives under 10 days a third and a sixth. An automatic renewal "
      "would "
      "have replaced it by now.",
      "Renew it, and find out why that did not happen by itself.", "thresholds of the environment"},
     judge_expiring},
    {{"not-yet-valid", Severity::critical, "certificate is not valid yet",
      "A certificate of the path begins in the future. Clients refuse it until then.",
      "Check the clocks of this host, of the server and of the CA; else serve the previous certificate until then.",
      kValidity, Nature::fault, Identity::certificate},
     judge_not_yet_valid},
    {{"authority-expired", Severity::critical, "CA certificate on the path has expired",
      "An intermediate or root that clients need for this chain is past its end. They refuse the whole chain, however "
      "long the leaf would last.",
      "Serve the CA's present intermediate; renew the certificate if its issuer has none.", kValidity, Nature::fault,
      Identity::certificate},
     judge_authority_expired},
    {{"authority-expiring", Severity::warning, "CA certificate on the path expires soon",
      "An intermediate or root that clients need for this chain ends soon, and the chain with it. An authority of ours "
      "is told when less is left than twice the longest life that it signs, the time a new trust bundle takes to be "
      "out, "
      "and 30 days.",
      "Serve the CA's next intermediate. An authority of ours: begin its successor now, and bring its root out first.",
      "thresholds of the environment", Nature::fault, Identity::certificate},
     judge_authority_expiring},
    {{"cross-sign-expired", Severity::notice, "an expired cross-sign is sent that nobody needs",
      "The server sends a CA certificate that has ended. The clients of this environment find another path and do not "
      "care; some very old ones give up at it.",
      "Take it out of the chain file at the next occasion.", "RFC 4158 section 2.4", Nature::fault,
      Identity::certificate},
     judge_cross_sign_expired},
    {{"anchor-expired", Severity::notice, "trust store holds an expired certificate",
      "A root or intermediate that this store trusts has ended, so that nothing verifies by it any more.",
      "Remove it from the store, once nothing old needs it.", kValidity, Nature::fault, Identity::certificate},
     judge_anchor_expired},
};

}  // namespace

std::span<const Judge> expiry_judges() { return kExpiryJudges; }

}  // namespace everseal::audit
