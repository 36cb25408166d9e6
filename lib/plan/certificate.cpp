#include "plan/certificate.h"

#include "plan/deployments.h"
#include "plan/schedule.h"

#include <algorithm>
#include <ranges>

#include <fmt/format.h>

namespace everseal::plan {
namespace {

using inventory::DeploymentRecord;
using inventory::DeploymentState;
using inventory::IntentKind;
using inventory::IntentRecord;
using inventory::Served;
using inventory::VersionState;

bool is_complete(const VersionFacts& version) noexcept {
  return version.record.state == VersionState::issued || version.record.state == VersionState::live ||
         version.record.state == VersionState::retired;
}

bool is_usable(const VersionFacts& version, Time now) noexcept {
  return !version.record.revoked_at && version.record.not_after > now;
}

const VersionFacts* find(const CertificateFacts& facts, std::int64_t number) noexcept {
  for (const VersionFacts& version : facts.versions)
    if (version.record.number == number) return &version;
  return nullptr;
}

const VersionFacts* newest_complete(const CertificateFacts& facts) noexcept {
  for (const VersionFacts& version : facts.versions | std::views::reverse)
    if (is_complete(version)) return &version;
  return nullptr;
}

const IntentRecord* intent(const CertificateFacts& facts, IntentKind kind) noexcept {
  const auto found = std::ranges::find(facts.intents, kind, &IntentRecord::kind);
  return found == facts.intents.end() ? nullptr : &*found;
}

// Each check says why a new version is needed, or nothing; the first that speaks decides.
using Check = std::optional<Reason> (*)(const CertificateFacts&, const VersionFacts* newest, Time now);

std::optional<Reason> check_missing(const CertificateFacts&, const VersionFacts* newest, Time) {
  if (newest == nullptr) return Reason{Rule::missing, "there is no certificate yet"};
  return std::nullopt;
}

std::optional<Reason> check_specification(const CertificateFacts& facts, const VersionFacts* newest, Time) {
  if (newest->record.spec_hash == config::issuance_hash(facts.wanted)) return std::nullopt;
  return Reason{Rule::specification_changed,
                newest->names_match ? "key type, profile, subject or lifetime changed" : "the identifiers changed"};
}

std::optional<Reason> check_issuer(const CertificateFacts& facts, const VersionFacts* newest, Time) {
  if (std::ranges::find(facts.wanted.issuers, newest->record.issuer) != facts.wanted.issuers.end()) return std::nullopt;
  return Reason{Rule::issuer_left, fmt::format("its issuer {} is no longer in the list", newest->record.issuer)};
}

std::optional<Reason> check_revoked(const CertificateFacts&, const VersionFacts* newest, Time) {
  if (!newest->record.revoked_at) return std::nullopt;
  return Reason{Rule::revoked, fmt::format("version {} was revoked", newest->record.number)};
}

// A pinned version may end before the newest one does.
std::optional<Reason> check_renewal(const CertificateFacts& facts, const VersionFacts*, Time now) {
  const VersionFacts& in_use = *version_in_use(facts);
  const inventory::VersionRecord& used = in_use.record;
  const Time due = renewal_of(in_use);
  if (due > now) return std::nullopt;
  if (in_use.info && in_use.info->renew_at == due)
    return Reason{Rule::renewal_suggested,
                  fmt::format("its issuer wants version {} renewed between {} and {}{}", used.number,
                              base::format_time(*in_use.info->start), base::format_time(*in_use.info->end),
                              in_use.info->explanation.empty()
                                  ? std::string()
                                  : fmt::format(" (see {})", base::printable(in_use.info->explanation)))};
  return Reason{Rule::renewal_due, fmt::format("version {} ends {}, its renewal was due {}", used.number,
                                               base::format_time(*used.not_after), base::format_time(due))};
}

std::optional<Reason> check_requested(const CertificateFacts& facts, const VersionFacts*, Time) {
  if (intent(facts, IntentKind::force_renew) == nullptr) return std::nullopt;
  return Reason{Rule::requested, "a renewal was asked for"};
}

constexpr Check kChecks[] = {check_missing, check_specification, check_issuer,
                             check_revoked, check_renewal,       check_requested};

constexpr int kFailuresBeforeNextIssuer = 3;
constexpr int kYoungVersions = 2;

// A clock or a window that is wrong must not order one certificate after the other: until when the clock alone renews
// nothing, because so many versions are younger than a sound one would be.
std::optional<Time> held_back_until(const CertificateFacts& facts, Time now) {
  int young = 0;
  for (const VersionFacts& version : facts.versions | std::views::reverse) {
    if (!version.record.not_before || !version.record.not_after) continue;
    const Time until = version.record.created + least_age(*version.record.not_before, *version.record.not_after);
    if (until > now && ++young == kYoungVersions) return until;
  }
  return std::nullopt;
}

// What the issuer says is asked for before it decides anything, and never in the way of a renewal.
void decide_renewal_info(const VersionFacts& used, Time now, Decision& decision) {
  if (used.renewal_info == RenewalInfoOf::nobody) return;
  const Time when = used.info ? used.info->ask_again : now;
  decision.look_again = std::min(decision.look_again, std::max(when, now));
  if (when > now) return;
  decision.steps.push_back({RefreshRenewalInfo{used.record.number, used.record.issuer},
                            {{Rule::renewal_info_due, "its issuer says when it wants a renewal"}},
                            Gate::open,
                            now});
}

struct Choice {
  Name issuer;
  std::optional<Time> not_before;
};

// The first issuer that has not failed three times in a row; when all have, the one that may be asked soonest.
std::optional<Time> not_before_at(const CertificateFacts& facts, const Name& issuer) {
  for (const inventory::AttemptRecord& attempt : facts.attempts)
    if (attempt.step == "issue" && attempt.target == issuer.text()) return attempt.not_before;
  return std::nullopt;
}

Choice choose_issuer(const CertificateFacts& facts) {
  std::optional<Choice> soonest;
  for (const Name& issuer : facts.wanted.issuers) {
    const auto attempt = std::ranges::find_if(facts.attempts, [&](const inventory::AttemptRecord& a) {
      return a.step == "issue" && a.target == issuer.text();
    });
    if (attempt == facts.attempts.end()) return {issuer, std::nullopt};
    if (attempt->count < kFailuresBeforeNextIssuer) return {issuer, attempt->not_before};
    if (!soonest || attempt->not_before < soonest->not_before) soonest = Choice{issuer, attempt->not_before};
  }
  return *soonest;
}

void decide_issue(const CertificateFacts& facts, Time now, Decision& decision) {
  const VersionFacts* const newest = newest_complete(facts);
  std::optional<Reason> reason;
  int number =
      facts.versions.empty() ? facts.next_number : std::max(facts.next_number, facts.versions.back().record.number + 1);
  Choice choice = choose_issuer(facts);
  if (!facts.versions.empty() && facts.versions.back().record.state == VersionState::pending) {
    const inventory::VersionRecord& pending = facts.versions.back().record;
    number = pending.number;
    reason = Reason{Rule::interrupted, fmt::format("version {} was begun and not finished", number)};
    // What the issuer signed already is finished with that issuer, whatever changed since.
    if (pending.certificate) choice = {pending.issuer, not_before_at(facts, pending.issuer)};
  }
  if (facts.renewal == Renewal::once && newest != nullptr && !reason) {
    decision.standing.push_back({Rule::nothing_due, "it was issued once and is not renewed"});
    return;
  }
  for (const Check check : kChecks) {
    if (reason) break;
    reason = check(facts, newest, now);
  }
  if (!reason) {
    const VersionFacts& in_use = *version_in_use(facts);
    const inventory::VersionRecord& used = in_use.record;
    const Time due = renewal_of(in_use);
    decision.standing.push_back(
        {Rule::nothing_due, fmt::format("version {} is valid until {}, renewal is due {}", used.number,
                                        base::format_time(*used.not_after), base::format_time(due))});
    decision.look_again = std::min(decision.look_again, due);
    decide_renewal_info(in_use, now, decision);
    return;
  }
  Step step{Issue{number, choice.issuer}, {*reason}, Gate::open, now};
  if (choice.not_before && *choice.not_before > now) {
    step.gate = Gate::backing_off;
    step.not_before = *choice.not_before;
    const auto attempt = std::ranges::find(facts.attempts, choice.issuer.text(), &inventory::AttemptRecord::target);
    step.why.push_back({Rule::failed_before, fmt::format("{} failure(s) in a row at {}: {}", attempt->count,
                                                         choice.issuer, attempt->problem)});
  }
  const bool by_the_clock = reason->rule == Rule::renewal_due || reason->rule == Rule::renewal_suggested;
  if (by_the_clock && intent(facts, IntentKind::force_renew) == nullptr) {
    if (const auto until = held_back_until(facts, now); until && *until > step.not_before) {
      step.gate = Gate::backing_off;
      step.not_before = *until;
      step.why.push_back(
          {Rule::renewed_too_often,
           fmt::format("{} versions were issued within the last {}", kYoungVersions,
                       base::format_duration(least_age(*newest->record.not_before, *newest->record.not_after)))});
    }
  }
  decision.look_again = std::min(decision.look_again, step.not_before);
  decision.steps.push_back(std::move(step));
}

void decide_intents(const CertificateFacts& facts, Time now, Decision& decision) {
  for (const IntentRecord& wanted : facts.intents) {
    const auto add = [&](Action action, std::string text) {
      decision.steps.push_back({std::move(action), {{Rule::requested, std::move(text)}}, Gate::open, now});
      decision.look_again = now;
    };
    if (wanted.kind == IntentKind::rollback && wanted.version)
      add(Pin{wanted.id, *wanted.version}, "a rollback was asked for");
    else if (wanted.kind == IntentKind::deploy)
      add(Unpin{wanted.id}, "a deployment was asked for");
    else if (wanted.kind == IntentKind::revoke && wanted.version)
      add(Revoke{wanted.id, *wanted.version, wanted.reason}, "a revocation was asked for");
  }
}

bool is_settled(const CertificateFacts& facts, std::int64_t number) {
  return std::ranges::all_of(facts.wanted.deployments, [&](const config::Deployment& target) {
    const auto record = std::ranges::find(facts.deployments, target.name, &DeploymentRecord::target);
    return record != facts.deployments.end() && record->version == number &&
           (record->state == DeploymentState::verified || record->state == DeploymentState::unverifiable);
  });
}

// Versions beyond `keep` lose their key once the one in use is proved everywhere.
void decide_prune(const CertificateFacts& facts, const VersionFacts& in_use, Time now, Decision& decision) {
  if (!is_settled(facts, in_use.record.number)) return;
  Prune prune;
  int kept = 0;
  for (const VersionFacts& version : facts.versions | std::views::reverse) {
    if (!is_complete(version)) continue;
    if (++kept > facts.keep && version.record.has_key && version.record.number != in_use.record.number)
      prune.keys_of.push_back(version.record.number);
  }
  if (prune.keys_of.empty()) return;
  decision.steps.push_back({std::move(prune),
                            {{Rule::key_no_longer_needed,
                              fmt::format("keep = {} and version {} is proved", facts.keep, in_use.record.number)}},
                            Gate::open,
                            now});
  decision.look_again = now;
}

}  // namespace

Time renewal_of(const VersionFacts& version) noexcept {
  const Time own = *version.record.renew_at;
  if (!version.info || !version.info->renew_at) return own;
  return std::min(*version.info->renew_at, latest_renewal(*version.record.not_before, *version.record.not_after));
}

std::optional<std::string> unproved(const CertificateFacts& facts) {
  const auto imported =
      std::ranges::find_if(facts.versions, [](const VersionFacts& one) { return !one.record.imported_from.empty(); });
  return imported == facts.versions.end() ? std::nullopt : unproved(facts.wanted, imported->record.imported_from);
}

std::optional<std::string> unproved(const config::Certificate& wanted, std::string_view imported_from) {
  if (imported_from.empty() || !wanted.deployments.empty()) return std::nullopt;
  return fmt::format("it is unverified: servers read it in {}, and nothing deploys it from here",
                     base::printable(imported_from));
}

const VersionFacts* version_in_use(const CertificateFacts& facts) noexcept {
  if (facts.pinned) {
    const VersionFacts* const pinned = find(facts, *facts.pinned);
    if (pinned != nullptr && is_complete(*pinned)) return pinned;
  }
  return newest_complete(facts);
}

std::optional<std::string> against_rollback(const CertificateFacts& facts, const DeploymentRecord& deployment,
                                            Served after, Time now) {
  if (!deployment.previous) return "there is no previous version at this target";
  const VersionFacts* const previous = find(facts, *deployment.previous);
  if (previous == nullptr || !is_complete(*previous)) return "the previous version is unknown";
  if (*previous->record.not_after <= now) return "the previous version has expired";
  if (previous->record.revoked_at) return "the previous version is revoked";
  if (!previous->names_match) return "the previous version has other names";
  if (after == Served::previous || after == Served::other) return std::nullopt;
  const bool worked = deployment.before == Served::wanted || deployment.before == Served::previous ||
                      deployment.before == Served::other;
  if (!worked) return "the service did not answer before the switch either";
  if (after == Served::handshake_failed || after == Served::unreachable) return std::nullopt;
  return "nothing proves that the new version is not served";
}

Decision decide(const CertificateFacts& facts, Time now) {
  Decision decision;
  if (facts.orphaned) {
    decision.standing.push_back({Rule::orphaned, "it is no longer in the configuration, so it is not renewed"});
    return decision;
  }
  decide_intents(facts, now, decision);
  // A complete, usable version is put in place before anything is ordered.
  const VersionFacts* const in_use = version_in_use(facts);
  if (in_use != nullptr && is_usable(*in_use, now)) {
    if (in_use->record.state != VersionState::live) {
      decision.steps.push_back(
          {MakeLive{in_use->record.number},
           {{Rule::not_live, fmt::format("version {} is complete and not live", in_use->record.number)}},
           Gate::open,
           now});
      decision.look_again = now;
    }
    for (const config::Deployment& target : facts.wanted.deployments)
      decide_deployment(
          target, in_use->record.number, facts.deployments,
          [&](const DeploymentRecord& record) { return against_rollback(facts, record, record.after, now); }, now,
          decision);
  }
  decide_issue(facts, now, decision);
  if (auto reason = unproved(facts)) decision.standing.push_back({Rule::not_verified, std::move(*reason)});
  if (in_use != nullptr) decide_prune(facts, *in_use, now, decision);
  return decision;
}

}  // namespace everseal::plan
