#include "plan/certificate.h"

#include "base/overloaded.h"

#include <algorithm>
#include <ranges>
#include <utility>

#include <fmt/format.h>

namespace everseal::plan {
namespace {

using inventory::DeploymentRecord;
using inventory::IntentKind;
using inventory::IntentRecord;
using inventory::Served;
using inventory::VersionState;
using CertificateStep = Step<CertificateAction>;
using CertificateDecision = Decision<CertificateAction>;

bool is_complete(const VersionFacts& version) noexcept { return version.record.state != VersionState::pending; }

bool is_usable(const VersionFacts& version, Time now) noexcept {
  return !version.record.revoked_at && version.record.not_after > now;
}

bool has_begun(const VersionFacts& version, Time now) noexcept { return version.record.not_before <= now; }

// Where the clock may be behind, what ended by the later one is not gone back to.
bool is_good_by_both(const CertificateFacts& facts, const VersionFacts& version) noexcept {
  return !facts.believed || version.record.not_after > *facts.believed;
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

// The newest of them counts: whoever asks again has changed his mind.
const IntentRecord* intent(const CertificateFacts& facts, IntentKind kind) noexcept {
  const IntentRecord* newest = nullptr;
  for (const IntentRecord& one : facts.intents)
    if (one.kind == kind) newest = &one;
  return newest;
}

CertificateStep step(CertificateAction action, Rule rule, std::string text, Time now) {
  return {std::move(action), {{rule, std::move(text)}}, Gate::open, now};
}

// With the time and the gate that an earlier failure of the same step demands.
void add(const CertificateFacts& facts, CertificateStep made, Time now, CertificateDecision& decision) {
  hold_back(made, failed(facts.attempts, key_of(made.action)), now);
  decision.add(std::move(made));
}

// Of what a run did enough of, the rest is another run's.
constexpr base::Seconds kRunsAreApart{3600};

void put_off(CertificateStep& step, Time until) noexcept {
  step.gate = Gate::backing_off;
  step.not_before = std::max(step.not_before, until);
}

bool is_to_be_revoked(const CertificateFacts& facts, int number) noexcept {
  return std::ranges::any_of(facts.intents, [&](const IntentRecord& wanted) {
    return wanted.kind == IntentKind::revoke && wanted.version == number;
  });
}

// A complete version whose validity is soon to begin: it answers for what is in use, whatever that suffers from. To
// order one more would bring one that begins later still.
bool is_waited_for(const CertificateFacts& facts, const VersionFacts* newest, Time now) noexcept {
  return newest != nullptr && !has_begun(*newest, now) && *newest->record.not_before <= now + kLongestWait &&
         is_usable(*newest, now) && !is_to_be_revoked(facts, newest->record.number);
}

std::string no_longer_whole(int number) {
  return fmt::format("version {} is no longer whole in the archive", number);
}
std::string not_live(int number) { return fmt::format("version {} is complete and not live", number); }

bool is_in_place(const CertificateFacts& facts, const VersionFacts& used) noexcept {
  return used.record.state == VersionState::live && facts.live_link == used.record.number;
}

// Each check says why a new version is needed, or nothing; the first that speaks decides. `newest` is the newest
// complete version, and so is the one in use: not null, but for check_missing.
using Check = std::optional<Reason> (*)(const CertificateFacts&, const VersionFacts* newest, Time now);

std::optional<Reason> check_missing(const CertificateFacts&, const VersionFacts* newest, Time) {
  if (newest == nullptr) return Reason{Rule::missing, "there is no certificate yet"};
  return std::nullopt;
}

std::optional<Reason> check_lost(const CertificateFacts& facts, const VersionFacts* newest, Time now) {
  if (is_waited_for(facts, newest, now)) return std::nullopt;
  const VersionFacts& used = *version_in_use(facts, now);
  if (used.on_disk != OnDisk::lost) return std::nullopt;
  return Reason{Rule::lost, no_longer_whole(used.record.number)};
}

// Where nothing that has begun is there to go back to.
std::optional<Reason> check_begun(const CertificateFacts& facts, const VersionFacts* newest, Time now) {
  const VersionFacts& used = *version_in_use(facts, now);
  if (has_begun(used, now) || is_waited_for(facts, newest, now)) return std::nullopt;
  return Reason{Rule::not_valid_yet, fmt::format("version {} is valid from {} on only", used.record.number,
                                                 base::format_time(*used.record.not_before))};
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

// The replacement comes first: what is about to be revoked is still served.
std::optional<Reason> check_revoked(const CertificateFacts& facts, const VersionFacts* newest, Time now) {
  if (is_waited_for(facts, newest, now)) return std::nullopt;
  const inventory::VersionRecord& used = version_in_use(facts, now)->record;
  if (used.revoked_at) return Reason{Rule::revoked, fmt::format("version {} was revoked", used.number)};
  if (is_to_be_revoked(facts, used.number))
    return Reason{Rule::revoked, fmt::format("version {} is about to be revoked", used.number)};
  return std::nullopt;
}

// A pinned version may end before the newest one does.
std::optional<Reason> check_renewal(const CertificateFacts& facts, const VersionFacts* newest, Time now) {
  if (is_waited_for(facts, newest, now)) return std::nullopt;
  const VersionFacts& in_use = *version_in_use(facts, now);
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
  if (const IntentRecord* const asked = intent(facts, IntentKind::force_renew))
    return Reason{Rule::requested, fmt::format("a renewal: {}", asked_by(*asked))};
  if (const IntentRecord* const asked = intent(facts, IntentKind::issue_once))
    return Reason{Rule::requested, fmt::format("a certificate: {}", asked_by(*asked))};
  return std::nullopt;
}

constexpr Check kChecks[] = {check_missing, check_lost,    check_begun,   check_specification,
                             check_issuer,  check_revoked, check_renewal, check_requested};
// What is issued once is issued where somebody asks, and only as long as he does.
constexpr Check kChecksOfOnce[] = {check_requested};

constexpr int kFailuresBeforeNextIssuer = 3;
constexpr int kYoungVersions = 2;

// A clock or a window that is wrong must not order one certificate after the other: until when the clock alone renews
// nothing, because so many versions are younger than a sound one would be.
std::optional<Time> held_back_until(const CertificateFacts& facts, Time now) {
  int young = 0;
  for (const VersionFacts& version : facts.versions | std::views::reverse) {
    if (!version.record.not_before || !version.record.not_after) continue;
    if (*version.record.not_before > now + kLongestWait) continue;  // by a clock that was ahead
    const Time until = version.record.created + least_age(*version.record.not_before, *version.record.not_after);
    if (until > now && ++young == kYoungVersions) return until;
  }
  return std::nullopt;
}

// What the issuer says is asked for before it decides anything, and never in the way of a renewal.
void decide_renewal_info(const VersionFacts& used, Time now, CertificateDecision& decision) {
  if (used.renewal_info == RenewalInfoOf::nobody) return;
  const Time when = used.info ? used.info->ask_again : now;
  decision.look_at(std::max(when, now));
  if (when > now) return;
  decision.add(step(RefreshRenewalInfo{used.record.number, used.record.issuer}, Rule::renewal_info_due,
                    "its issuer says when it wants a renewal", now));
}

const inventory::AttemptRecord* attempt_at(const CertificateFacts& facts, const Name& issuer) noexcept {
  return failed(facts.attempts, {Issue::kind, issuer.text()});
}

// The first issuer that has not failed three times in a row; when all have, the one that may be asked soonest.
Name choose_issuer(const CertificateFacts& facts) {
  const inventory::AttemptRecord* soonest = nullptr;
  for (const Name& issuer : facts.wanted.issuers) {
    const inventory::AttemptRecord* const attempt = attempt_at(facts, issuer);
    if (attempt == nullptr || attempt->count < kFailuresBeforeNextIssuer) return issuer;
    if (soonest == nullptr || attempt->not_before < soonest->not_before) soonest = attempt;
  }
  return Name::parse(soonest->target);
}

std::optional<Reason> reason_to_issue(const CertificateFacts& facts, Time now) {
  const VersionFacts* const newest = newest_complete(facts);
  const auto ask = [&](std::span<const Check> checks) -> std::optional<Reason> {
    for (const Check check : checks)
      if (auto reason = check(facts, newest, now)) return reason;
    return std::nullopt;
  };
  return facts.renewal == Renewal::once ? ask(kChecksOfOnce) : ask(kChecks);
}

bool is_signed(const VersionFacts& begun) noexcept { return begun.record.certificate || begun.is_signed; }

// The version that was begun and is not complete; null where there is none.
const VersionFacts* begun_version(const CertificateFacts& facts) noexcept {
  return facts.versions.empty() || is_complete(facts.versions.back()) ? nullptr : &facts.versions.back();
}

void decide_issue(const CertificateFacts& facts, Time now, CertificateDecision& decision) {
  std::optional<Reason> reason = reason_to_issue(facts, now);
  int number = next_version(facts);
  Name issuer = choose_issuer(facts);
  std::vector<Reason> why;
  if (const VersionFacts* const begun = begun_version(facts); begun != nullptr && (reason || is_signed(*begun))) {
    number = begun->record.number;
    why.push_back({Rule::interrupted, fmt::format("version {} was begun and not finished", number)});
    // What the issuer signed already is finished with that issuer, whatever changed since.
    if (is_signed(*begun)) issuer = begun->record.issuer;
  } else if (begun != nullptr) {
    add(facts,
        step(GiveUp{begun->record.number, begun->record.issuer}, Rule::no_longer_wanted,
             fmt::format("version {} was begun, and nothing asks for it any more", begun->record.number), now),
        now, decision);
  }
  if (reason) why.push_back(*std::move(reason));
  if (why.empty()) {
    const VersionFacts* const used_version = version_in_use(facts, now);
    if (facts.renewal == Renewal::once) {
      decision.standing.push_back({Rule::nothing_due, used_version == nullptr
                                                          ? "nothing was issued, and nobody asks for it any more"
                                                          : "it was issued once and is not renewed"});
      return;
    }
    const VersionFacts& in_use = *used_version;
    const inventory::VersionRecord& used = in_use.record;
    if (is_waited_for(facts, newest_complete(facts), now)) return;  // decide_place says when
    const Time due = renewal_of(in_use);
    decision.standing.push_back(
        {Rule::nothing_due, fmt::format("version {} is valid until {}, renewal is due {}", used.number,
                                        base::format_time(*used.not_after), base::format_time(due))});
    decision.look_at(due);
    decide_renewal_info(in_use, now, decision);
    return;
  }
  const Rule rule = why.front().rule;
  CertificateStep made{Issue{number, issuer}, std::move(why), Gate::open, now};
  hold_back(made, attempt_at(facts, issuer), now);
  if (facts.issued) {
    put_off(made, now + kRunsAreApart);
    made.why.push_back({Rule::renewed_too_often, "this run issued several versions, and the reason still stands"});
  }
  const bool by_the_clock = rule == Rule::renewal_due || rule == Rule::renewal_suggested;
  if (by_the_clock && intent(facts, IntentKind::force_renew) == nullptr) {
    if (const auto until = held_back_until(facts, now); until && *until > made.not_before) {
      const inventory::VersionRecord& newest = newest_complete(facts)->record;
      put_off(made, *until);
      made.why.push_back({Rule::renewed_too_often,
                          fmt::format("{} versions were issued within the last {}", kYoungVersions,
                                      base::format_duration(least_age(*newest.not_before, *newest.not_after)))});
    }
  }
  if (facts.key_owner == inventory::KeyOwner::external && rule != Rule::interrupted &&
      std::ranges::none_of(facts.intents, [](const IntentRecord& one) { return !one.csr.empty(); })) {
    made.gate = Gate::needs_operator;
    made.not_before = Time::max();
    made.why.push_back({Rule::requested, "its key lives elsewhere: `everseal issue --csr FILE` asks for it again"});
  }
  hold_for_clock(made, facts.clock_problem, now);
  decision.add(std::move(made));
}

// Which version is to be used, by hand.
void decide_pins(const CertificateFacts& facts, Time now, CertificateDecision& decision) {
  for (const IntentRecord& wanted : facts.intents) {
    if (wanted.kind == IntentKind::rollback && wanted.version)
      add(facts,
          step(Pin{wanted.id, *wanted.version}, Rule::requested, fmt::format("a rollback: {}", asked_by(wanted)), now),
          now, decision);
    else if (wanted.kind == IntentKind::deploy)
      add(facts, step(Unpin{wanted.id}, Rule::requested, fmt::format("a deployment: {}", asked_by(wanted)), now), now,
          decision);
  }
}

// Than the reason for which it is revoked.
bool is_graver(pki::RevocationReason reason, const inventory::VersionRecord& revoked) noexcept {
  return pki::is_graver(reason, revoked.revocation_reason.value_or(pki::RevocationReason::unspecified));
}

void decide_revocations(const CertificateFacts& facts, Time now, CertificateDecision& decision) {
  for (const IntentRecord& wanted : facts.intents) {
    if (wanted.kind != IntentKind::revoke || !wanted.version) continue;
    const VersionFacts* const version = find(facts, *wanted.version);
    const auto end = [&](std::string why) {
      decision.add(step(EndIntent{wanted.id, std::move(why)}, Rule::requested, asked_by(wanted), now));
    };
    if (version == nullptr || !version->record.certificate)
      end(fmt::format("there is no version {}", *wanted.version));
    else if (version->record.revoked_at && !is_graver(wanted.reason, version->record))
      end(fmt::format("version {} is revoked", *wanted.version));
    else if (*version->record.not_after <= now)
      end(fmt::format("version {} has expired", *wanted.version));
    else
      add(facts,
          step(Revoke{wanted.id, *wanted.version, wanted.reason}, Rule::requested,
               fmt::format("a revocation: {}", asked_by(wanted)), now),
          now, decision);
  }
}

DeploymentFacts deployment_facts(const CertificateFacts& facts, const VersionFacts* in_use, Time now) {
  return {.number = in_use == nullptr ? 0 : in_use->record.number,
          .wanted = facts.wanted.deployments,
          .records = facts.deployments,
          .former_places = facts.former_places,
          .attempts = facts.attempts,
          .lost = facts.lost_targets,
          .against_rollback = [&facts, now](const DeploymentRecord& record) {
            return against_rollback(facts, record, record.after, now);
          }};
}

// Revoke every unexpired version, take away what was deployed, delete the keys, forget: each by itself, the last only
// when nothing before it is left to do.
void decide_removal(const CertificateFacts& facts, const IntentRecord& wanted, Time now,
                    CertificateDecision& decision) {
  const auto asked = [&] { return Reason{Rule::requested, fmt::format("its removal: {}", asked_by(wanted))}; };
  decide_revocations(facts, now, decision);  // those that somebody asked for, too
  if (wanted.revoke) {
    for (const VersionFacts& version : facts.versions)
      if (version.record.certificate && is_usable(version, now) && !is_to_be_revoked(facts, version.record.number))
        add(facts, {Revoke{std::nullopt, version.record.number, wanted.reason}, {asked()}, Gate::open, now}, now,
            decision);
  }
  if (wanted.delete_keys) {
    DeploymentFacts nothing = deployment_facts(facts, nullptr, now);
    nothing.wanted.clear();
    Decision<DeploymentAction> retirements = decide_retirements(nothing, now);
    for (auto& step : retirements.steps) step.why.front() = asked();
    append(decision, std::move(retirements));
    const bool left = std::ranges::any_of(facts.versions, [](const VersionFacts& one) { return one.record.has_key; });
    // A CA may want a revocation signed by the certificate's own key.
    const bool revokes = std::ranges::any_of(
        decision.steps, [](const CertificateStep& one) { return std::holds_alternative<Revoke>(one.action); });
    if (left && revokes)
      decision.standing.push_back({Rule::requested, std::string(kKeysWait)});
    else if (left)
      add(facts, {DeleteKeys{}, {asked()}, Gate::open, now}, now, decision);
  }
  if (decision.steps.empty()) add(facts, {Forget{wanted.id}, {asked()}, Gate::open, now}, now, decision);
  // Where its own steps wait for another request's.
  const bool is_told = std::ranges::any_of(decision.steps, [&](const CertificateStep& one) {
    return one.why.front().text == asked().text;
  });
  if (!is_told)
    decision.standing.push_back(
        {Rule::requested, fmt::format("it is being removed: {}; that goes on behind these", asked_by(wanted))});
}

// Versions beyond `keep` lose their key once the one in use is proved everywhere.
void decide_prune(const CertificateFacts& facts, const VersionFacts& in_use, Time now, CertificateDecision& decision) {
  if (!is_settled(deployment_facts(facts, &in_use, now))) return;
  Prune prune;
  int kept = 0;
  for (const VersionFacts& version : facts.versions | std::views::reverse) {
    if (!is_complete(version)) continue;
    if (++kept > facts.keep && version.record.has_key && version.record.number != in_use.record.number)
      prune.keys_of.push_back(version.record.number);
  }
  if (prune.keys_of.empty()) return;
  add(facts,
      step(std::move(prune), Rule::key_no_longer_needed,
           fmt::format("keep = {} and version {} is proved", facts.keep, in_use.record.number), now),
      now, decision);
}

constexpr int kNewestStay = 5;
constexpr int kMostStay = 200;  // of those that ended: lives of an hour would fill 400 days with ten thousand
constexpr int kDiscardedAtOnce = 64;

// The newest complete ones that stay whatever their age: above this number.
int number_below_newest(const CertificateFacts& facts) noexcept {
  int left = std::max(kNewestStay, facts.keep);
  for (const VersionFacts& version : facts.versions | std::views::reverse)
    if (is_complete(version) && left-- == 0) return version.record.number;
  return 0;
}

// Is it in use or deployed somewhere, the way back of a target, or named by what somebody asked for?
bool is_needed(const CertificateFacts& facts, const VersionFacts& in_use, int number) noexcept {
  return number == in_use.record.number || facts.live_link == number || facts.pinned == number ||
         std::ranges::any_of(facts.deployments,
                             [&](const DeploymentRecord& record) {
                               return record.version == number || record.current == number || record.previous == number;
                             }) ||
         std::ranges::any_of(facts.intents, [&](const IntentRecord& wanted) { return wanted.version == number; });
}

// Versions that ended long ago go, whether the present one is proved or not. A clock that is ahead would take away what
// is still remembered.
void decide_discard(const CertificateFacts& facts, const VersionFacts& in_use, Time now,
                    CertificateDecision& decision) {
  if (!facts.clock_problem.empty()) return;
  const int newest = facts.versions.back().record.number;
  const int below_newest = number_below_newest(facts);
  Discard discard;
  for (const inventory::EndedVersionRecord& ended : facts.ended) {
    if (ended.number > below_newest || is_needed(facts, in_use, ended.number)) continue;
    const Time when = ended.not_after + (ended.number <= newest - kMostStay ? base::Seconds{} : inventory::kRemembered);
    if (when > now)
      decision.look_at(when);
    else if (discard.numbers.size() < kDiscardedAtOnce)
      discard.numbers.push_back(ended.number);
  }
  if (discard.numbers.empty()) return;
  const std::size_t count = discard.numbers.size();
  CertificateStep made = step(std::move(discard), Rule::ended_long_ago, fmt::format("{} ended long ago", count), now);
  if (facts.discarded) {
    put_off(made, now + kRunsAreApart);
  }
  hold_back(made, failed(facts.attempts, key_of(made.action)), now);
  decision.add(std::move(made));
}

// What was damaged is written again before it is used: decide_place waits for it. All else that changed is looked at
// when nothing is left to do.
void decide_compare(const CertificateFacts& facts, const VersionFacts& used, Time now, CertificateDecision& decision) {
  const int number = used.record.number;
  CertificateStep made =
      used.on_disk == OnDisk::lost
          ? step(Compare{number, true}, Rule::lost, no_longer_whole(number), now)
          : step(Compare{number}, Rule::touched,
                 fmt::format("files of version {} changed {}since they were last looked at", number,
                             facts.lost_targets.empty() ? "" : "or are gone "),
                 now);
  if (facts.compared) {
    put_off(made, now + kRunsAreApart);
  }
  hold_back(made, failed(facts.attempts, key_of(made.action)), now);
  decision.add(std::move(made));
}

// A complete, usable version is put in place before anything is ordered.
void decide_place(const CertificateFacts& facts, const VersionFacts& used, Time now, CertificateDecision& decision) {
  if (auto hold = held(facts, now)) decision.standing.push_back({Rule::held, std::move(hold->text)});
  if (const VersionFacts* const newest = newest_complete(facts); !has_begun(*newest, now)) {
    decision.standing.push_back(
        {Rule::not_valid_yet, fmt::format("version {} is valid from {} on", newest->record.number,
                                          base::format_time(*newest->record.not_before))});
    decision.look_at(*newest->record.not_before);
  }
  if (!is_usable(used, now) || used.on_disk != OnDisk::whole) return;
  const int number = used.record.number;
  if (!is_in_place(facts, used))
    add(facts, step(MakeLive{number}, Rule::not_live, not_live(number), now), now, decision);
}

// A switch that was not looked at to its end: what it showed tells whether the target may go back.
bool is_under_way(const CertificateFacts& facts, const DeploymentAction& action) noexcept {
  const auto record = std::ranges::find(facts.deployments, target_of(action), &DeploymentRecord::target);
  return record != facts.deployments.end() && (record->state == inventory::DeploymentState::switched ||
                                               record->state == inventory::DeploymentState::reloaded);
}

// What is to be done at the targets before anything is ordered, and what is left for behind that: a version that a
// person wants replaced is not deployed once more, unless its replacement does not come.
struct Deployments {
  Decision<DeploymentAction> before, behind;
};
Deployments deployments_of(const CertificateFacts& facts, const VersionFacts& used, Time now) {
  Deployments deployments;
  if (!is_usable(used, now) || used.on_disk != OnDisk::whole) return deployments;
  const bool is_replaced = intent(facts, IntentKind::force_renew) != nullptr;
  Decision<DeploymentAction> all = decide_deployments(deployment_facts(facts, &used, now), now);
  for (auto& step : all.steps) {
    const bool waits = is_replaced && !is_under_way(facts, step.action);
    (waits ? deployments.behind : deployments.before).add(std::move(step));
  }
  return deployments;
}

}  // namespace

std::string describe(const CertificateAction& action) {
  return std::visit(
      base::Overloaded{
          [](const Issue& s) { return fmt::format("issue version {} at {}", s.number, s.issuer); },
          [](const GiveUp& s) { return fmt::format("give version {} up, which was begun at {}", s.number, s.issuer); },
          [](const MakeLive& s) { return fmt::format("make version {} live", s.number); },
          [](const Revoke& s) { return fmt::format("revoke version {} ({})", s.number, to_string(s.reason)); },
          [](const Pin& s) { return fmt::format("go back to version {} and stay there", s.number); },
          [](const Unpin&) { return std::string("deploy the newest version again"); },
          [](const RefreshRenewalInfo& s) {
            return fmt::format("ask {} when version {} is to be renewed", s.issuer, s.number);
          },
          [](const Prune& s) { return fmt::format("delete the private keys of {} old version(s)", s.keys_of.size()); },
          [](const Discard& s) { return fmt::format("take {} old versions away", s.numbers.size()); },
          [](const Compare& s) {
            return fmt::format("compare the files of version {} with what was put there", s.number);
          },
          [](const DeleteKeys&) { return std::string("delete the private keys"); },
          [](const Forget&) { return std::string("stop keeping it alive"); },
          [](const EndIntent& s) { return "give up what was asked for, as " + s.why; },
          [](const DeploymentAction& s) { return describe(s); },
      },
      action);
}

StepKey key_of(const CertificateAction& action) {
  return std::visit(base::Overloaded{
                        [](const Issue& s) {
                          return StepKey{s.kind, s.issuer.text()};
                        },
                        [](const GiveUp& s) {
                          return StepKey{s.kind, s.issuer.text()};
                        },
                        [](const MakeLive& s) {
                          return StepKey{s.kind, std::to_string(s.number)};
                        },
                        [](const Revoke& s) {
                          return StepKey{s.kind, std::to_string(s.number)};
                        },
                        [](const Compare& s) {
                          return StepKey{s.kind, s.is_gone ? std::string() : std::to_string(s.number)};
                        },
                        [](const RefreshRenewalInfo& s) {
                          return StepKey{s.kind, s.issuer.text()};
                        },
                        [](const DeploymentAction& s) { return key_of(s); },
                        [](const auto& s) {
                          return StepKey{s.kind, {}};
                        },
                    },
                    action);
}

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

int next_version(const CertificateFacts& facts) noexcept {
  return facts.versions.empty() ? facts.next_number
                                : std::max(facts.next_number, facts.versions.back().record.number + 1);
}

const VersionFacts* version_in_use(const CertificateFacts& facts, Time now) noexcept {
  if (facts.pinned) {
    const VersionFacts* const pinned = find(facts, *facts.pinned);
    if (pinned != nullptr && is_complete(*pinned) && is_usable(*pinned, now)) return pinned;
  }
  for (const VersionFacts& version : facts.versions | std::views::reverse)
    if (is_complete(version) && has_begun(version, now) && is_good_by_both(facts, version)) return &version;
  return newest_complete(facts);
}

bool is_live_ahead(const inventory::VersionRecord& version, Time now) noexcept {
  return version.state == VersionState::live && version.not_before > now + kLongestWait;
}

std::optional<Held> held(const CertificateFacts& facts, Time now) {
  if (!facts.pinned) return std::nullopt;
  const int number = *facts.pinned;
  const Name& name = facts.wanted.name;
  const VersionFacts* const used = version_in_use(facts, now);
  if (used != nullptr && used->record.number == number)
    return Held{
        number, true,
        fmt::format("version {} stays in use after a rollback, until a newer one is issued; `everseal deploy {}` "
                    "or `everseal rollback {} --cancel` ends that",
                    number, name, name)};
  const VersionFacts* const pinned = find(facts, number);
  const std::string_view why = pinned == nullptr || !is_complete(*pinned) ? "is gone"
                               : pinned->record.revoked_at                ? "is revoked"
                                                                          : "has expired";
  return Held{
      number, false,
      fmt::format("version {} was to stay in use after a rollback and {}{}; `everseal rollback {} --cancel` ends "
                  "that",
                  number, why,
                  used == nullptr ? std::string() : fmt::format(", so version {} is in its place", used->record.number),
                  name)};
}

std::string loss(const CertificateFacts& facts, Time now) {
  const VersionFacts* const used = version_in_use(facts, now);
  if (facts.orphaned || used == nullptr || !is_usable(*used, now)) return {};
  const int number = used->record.number;
  if (used->on_disk == OnDisk::lost) return no_longer_whole(number);
  if (used->on_disk == OnDisk::damaged) return fmt::format("files of version {} are missing in the archive", number);
  if (!is_in_place(facts, *used)) return not_live(number);
  for (const Name& target : facts.lost_targets) return no_longer_there(target);
  return {};
}

std::optional<Validity> validity_in_use(const CertificateFacts& facts, Time now) noexcept {
  const VersionFacts* const used = version_in_use(facts, now);
  if (used == nullptr) return std::nullopt;
  return Validity{*used->record.not_before, *used->record.not_after};
}

std::optional<std::string> against_rollback(const CertificateFacts& facts, const DeploymentRecord& deployment,
                                            Served after, Time now) {
  if (!deployment.previous) return "no other version was in place at this target when it was deployed";
  const VersionFacts* const previous = find(facts, *deployment.previous);
  if (previous == nullptr || !is_complete(*previous)) return "the previous version is unknown";
  if (*previous->record.not_after <= now) return "the previous version has expired";
  if (previous->record.revoked_at) return "the previous version is revoked";
  if (is_to_be_revoked(facts, previous->record.number)) return "the previous version is about to be revoked";
  if (!previous->names_match) return "the previous version has other names";
  if (after == Served::previous || after == Served::other) return std::nullopt;
  const bool worked = deployment.before == Served::wanted || deployment.before == Served::previous ||
                      deployment.before == Served::other;
  if (!worked) return "the service did not answer before the switch either";
  if (after == Served::handshake_failed || after == Served::unreachable) return std::nullopt;
  return "nothing proves that the new version is not served";
}

Decision<CertificateAction> decide(const CertificateFacts& facts, Time now) {
  CertificateDecision decision;
  if (const IntentRecord* const removal = intent(facts, IntentKind::remove)) {
    decide_removal(facts, *removal, now, decision);
    return decision;
  }
  if (facts.orphaned) {
    decision.standing.push_back({Rule::orphaned, "it is no longer in the configuration, so it is not renewed"});
    decide_revocations(facts, now, decision);
    return decision;
  }
  decide_pins(facts, now, decision);
  const VersionFacts* const in_use = version_in_use(facts, now);
  Deployments deployments;
  if (in_use != nullptr) {
    decide_place(facts, *in_use, now, decision);
    deployments = deployments_of(facts, *in_use, now);
  }
  append(decision, std::move(deployments.before));
  decide_issue(facts, now, decision);
  append(decision, std::move(deployments.behind));
  // Behind a new version, which spares it.
  if (in_use != nullptr && in_use->on_disk == OnDisk::damaged) decide_compare(facts, *in_use, now, decision);
  if (auto reason = unproved(facts)) decision.standing.push_back({Rule::not_verified, std::move(*reason)});
  if (in_use != nullptr) {
    append(decision, decide_retirements(deployment_facts(facts, in_use, now), now));
    decide_prune(facts, *in_use, now, decision);
    decide_discard(facts, *in_use, now, decision);
  }
  decide_revocations(facts, now, decision);
  if (in_use != nullptr && facts.touched && in_use->on_disk == OnDisk::whole)
    decide_compare(facts, *in_use, now, decision);
  // What nothing issues again is told.
  if (in_use != nullptr && in_use->on_disk == OnDisk::lost && is_usable(*in_use, now) && !reason_to_issue(facts, now))
    decide_compare(facts, *in_use, now, decision);
  return decision;
}

}  // namespace everseal::plan
