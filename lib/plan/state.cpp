#include "plan/state.h"

#include "base/text.h"
#include "base/time.h"
#include "plan/authority.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace everseal::plan {
namespace {

using inventory::AttemptRecord;
using inventory::DeploymentRecord;
using inventory::DeploymentState;

// What is due this long and was not even tried: nobody runs `renew`.
constexpr base::Seconds kOverdue = std::chrono::days(1);

template <class Range, class Projection>
bool has(const Range& range, const Name& name, Projection projection) {
  return std::ranges::find(range, name, projection) != std::ranges::end(range);
}

bool is_wanted(const StateFacts& facts, const DeploymentRecord& deployment) {
  return !facts.wanted || has(facts.wanted->deployments, deployment.target, &config::Deployment::name);
}

// A target that left is still to be emptied, so that failing at that counts.
bool is_wanted(const StateFacts& facts, const AttemptRecord& attempt) {
  if (!facts.wanted) return true;
  const auto named = [&](const Name& name) { return name.text() == attempt.target; };
  if (attempt.step == "issue") return std::ranges::any_of(facts.wanted->issuers, named);
  static constexpr std::string_view at_target[] = {"deploy", "stage", "switch", "reload", "verify", "rollback"};
  if (std::ranges::find(at_target, attempt.step) == std::end(at_target)) return true;
  return std::ranges::any_of(facts.wanted->deployments, named, &config::Deployment::name);
}

std::string failed(const AttemptRecord& attempt) {
  return fmt::format("{} failed {}: {}", describe(attempt),
                     attempt.count == 1 ? "once" : fmt::format("{} times in a row", attempt.count), attempt.problem);
}

bool was_tried(const StateFacts& facts, const inventory::IntentRecord& revocation) {
  return std::ranges::any_of(facts.attempts, [&](const AttemptRecord& attempt) {
    return attempt.step == Revoke::kind && version_of(attempt) == revocation.version;
  });
}

// Every failure that counts, and every revocation that is open, what matters most first: a certificate that is to be
// revoked is trusted until it is.
std::optional<std::string> failures(const StateFacts& facts) {
  std::vector<const AttemptRecord*> counted;
  for (const AttemptRecord& attempt : facts.attempts)
    if (is_wanted(facts, attempt)) counted.push_back(&attempt);
  std::ranges::stable_sort(
      counted, {}, [](const AttemptRecord* one) { return std::pair(one->step != "revoke", !one->needs_operator); });
  std::vector<std::string> texts;
  for (const inventory::IntentRecord& asked : facts.revocations)
    if (!was_tried(facts, asked))
      texts.push_back(fmt::format("the revocation of version {} ({}) is not finished: {}", *asked.version,
                                  to_string(asked.reason), asked_by(asked)));
  for (const AttemptRecord* const one : counted) texts.push_back(failed(*one));
  if (texts.empty()) return std::nullopt;
  return base::join(texts, "; ");
}

// What is open of its removal stands before it.
std::string with_removal(const StateFacts& facts, const std::optional<std::string>& why) {
  return fmt::format("its removal is not finished: {}{}", facts.removal, why ? "; " + *why : std::string());
}

std::optional<std::string> needs_operator(const StateFacts& facts) {
  if (facts.held && !facts.held->is_in_use) return facts.held->text;
  const bool needs = std::ranges::any_of(facts.attempts, [&](const AttemptRecord& attempt) {
    return attempt.needs_operator && is_wanted(facts, attempt);
  });
  if (!needs) return std::nullopt;
  return facts.removal.empty() ? failures(facts) : with_removal(facts, failures(facts));
}

std::optional<std::string> failing_step(const StateFacts& facts, Time now) {
  if (auto why = failures(facts)) return why;
  for (const DeploymentRecord& deployment : facts.deployments)
    if (deployment.state == DeploymentState::failed && is_wanted(facts, deployment))
      return fmt::format("{}: {}", deployment.target, deployment.problem);
  if (!facts.loss.empty()) return facts.loss + "; the next `everseal renew` sees to it";
  const bool by_itself = !facts.orphaned && facts.renewal == Renewal::automatic;
  // Time{}: due at once, nobody says since when.
  if (!by_itself || !facts.look_again || *facts.look_again == Time{} || now < *facts.look_again + kOverdue)
    return std::nullopt;
  return fmt::format("something was due {} ago, and no `everseal renew` came",
                     base::approximate(now - *facts.look_again));
}

std::optional<std::string> failing(const StateFacts& facts, Time now) {
  const auto step = failing_step(facts, now);
  return facts.removal.empty() ? step : with_removal(facts, step);
}

// What fails or waits for a person beside what ended: a removal that cannot take a target away, for one.
std::string trouble_beside(const StateFacts& facts, Time now) {
  auto why = needs_operator(facts);
  if (!why) why = failing(facts, now);
  return why ? "; " + *why : std::string();
}

// What is open at a target that is wanted.
std::optional<std::string> open_deployment(const StateFacts& facts) {
  for (const DeploymentRecord& deployment : facts.deployments) {
    if (!is_wanted(facts, deployment)) continue;
    if (deployment.state == DeploymentState::staged || deployment.state == DeploymentState::switched ||
        deployment.state == DeploymentState::reloaded)
      return fmt::format("{}: the deployment was begun and not finished", deployment.target);
    if (deployment.state == DeploymentState::unverified)
      return fmt::format("{}: {}", deployment.target, deployment.problem);
    if (deployment.version != facts.in_use->number)
      return fmt::format("{}: as far as is known version {} is there, version {} is in use", deployment.target,
                         deployment.version, facts.in_use->number);
  }
  if (facts.wanted && !facts.orphaned)
    for (const config::Deployment& target : facts.wanted->deployments)
      if (!has(facts.deployments, target.name, &DeploymentRecord::target))
        return fmt::format("{}: nothing was deployed there yet", target.name);
  return std::nullopt;
}

std::optional<std::string> unverified(const StateFacts& facts) {
  const auto open = open_deployment(facts);
  if (!open) return facts.unproved;
  return facts.orphaned ? *open : fmt::format("{}; `everseal renew {}` goes on with it", *open, facts.in_use->name);
}

bool serves(const StateFacts& facts) {
  return std::ranges::any_of(facts.deployments, [](const DeploymentRecord& one) { return one.current.has_value(); });
}

}  // namespace

std::string_view to_string(State state) noexcept {
  switch (state) {
    case State::expired:
      return "expired";
    case State::revoked:
      return "revoked";
    case State::needs_operator:
      return "needs_operator";
    case State::failing:
      return "failing";
    case State::misconfigured:
      return "misconfigured";
    case State::pending:
      return "pending";
    case State::unverified:
      return "unverified";
    case State::orphaned:
      return "orphaned";
    case State::once:
      return "once";
    case State::live:
      return "live";
  }
  return "live";
}

StandingState state_of(const StateFacts& facts, Time now) {
  const bool renewed = !facts.orphaned && facts.renewal == Renewal::automatic;
  if (facts.in_use && facts.in_use->not_after && *facts.in_use->not_after <= now)
    return {State::expired, Attention::needed,
            fmt::format("it ended {} ago{}{}", base::approximate(now - *facts.in_use->not_after),
                        renewed ? "" : ", and nothing renews it: `everseal remove` forgets it",
                        trouble_beside(facts, now))};
  // Somebody revoked what nobody keeps alive; that is a person's business still where a server has it.
  if (facts.in_use && facts.in_use->revoked_at) {
    const std::string trouble = trouble_beside(facts, now);
    return {
        State::revoked, renewed || serves(facts) || !trouble.empty() ? Attention::needed : Attention::none,
        fmt::format("version {} was revoked ({}){}", facts.in_use->number,
                    to_string(facts.in_use->revocation_reason.value_or(pki::RevocationReason::unspecified)), trouble)};
  }
  if (const auto why = needs_operator(facts)) return {State::needs_operator, Attention::needed, *why};
  if (const auto why = failing(facts, now)) return {State::failing, Attention::needed, *why};
  if (!facts.config_problem.empty())
    return {State::misconfigured, Attention::needed,
            fmt::format("{}; {}", facts.config_problem,
                        facts.wanted && !facts.orphaned ? "what its table said before stands"
                                                        : "nothing is done for it until that is right")};
  if (!facts.in_use) return {State::pending, Attention::none, "nothing was issued yet; `everseal renew` does it"};
  if (facts.ahead && !facts.orphaned)
    return {State::failing, Attention::needed,
            fmt::format("version {} is in use and valid from {} on only{}", facts.ahead->number,
                        base::format_time(*facts.ahead->not_before),
                        !facts.clock_problem.empty()        ? ", if the clock is right"
                        : !is_live_ahead(*facts.ahead, now) ? ""
                        : renewed                           ? "; `everseal renew` puts another in its place"
                                  : fmt::format("; `everseal renew --force {}` replaces it", facts.ahead->name))};
  if (const auto why = unverified(facts)) return {State::unverified, Attention::needed, *why};
  if (facts.orphaned)
    return {State::orphaned, Attention::needed, "it is no longer in the config, and nothing renews it"};
  if (facts.renewal == Renewal::once)
    return {State::once, Attention::none, "it was issued once, and nothing renews it"};
  std::vector<std::string> said;
  if (facts.held) said.push_back(facts.held->text);
  if (facts.touched)
    said.push_back(
        fmt::format("files of version {} changed since they were last looked at; `everseal renew` compares them",
                    facts.in_use->number));
  return {State::live, Attention::none, base::join(said, "; ")};
}

StandingState state_of(const AuthorityStateFacts& facts, Time now) {
  if (!facts.ends)
    return {State::pending, Attention::none, "it waits for its intermediate; `everseal ca import` brings it in"};
  if (*facts.ends <= now)
    return {State::expired, facts.is_used ? Attention::needed : Attention::none,
            fmt::format("it ended {} ago, and nothing that it signed is trusted: {}",
                        base::approximate(now - *facts.ends), kAnotherAuthority)};
  if (facts.begins && *facts.begins > now)
    return {
        State::needs_operator, Attention::needed,
        fmt::format("it is valid from {} on only, and signs nothing before: a clock that was ahead made it, or this "
                    "one is behind; if the clock is right, {}",
                    base::format_time(*facts.begins), kAnotherAuthority)};
  if (!facts.trouble.empty()) return {State::needs_operator, Attention::needed, facts.trouble};
  // No config says here which targets are wanted.
  const StateFacts steps{
      .look_again = facts.look_again, .deployments = facts.deployments, .attempts = facts.attempts, .loss = facts.loss};
  if (const auto why = needs_operator(steps)) return {State::needs_operator, Attention::needed, *why};
  if (facts.cuts)
    return {State::needs_operator, Attention::needed,
            fmt::format("it ends in {}, and so does what it signs: {}", base::approximate(*facts.ends - now),
                        kAnotherAuthority)};
  const auto why_failing = failing(steps, now);
  if (facts.crl && facts.crl->next_update <= now)
    return {State::failing, Attention::needed,
            fmt::format("its CRL ended {} ago{}", base::approximate(now - facts.crl->next_update),
                        why_failing ? "; " + *why_failing : ", and no `everseal renew` came")};
  if (why_failing) return {State::failing, Attention::needed, *why_failing};
  for (const DeploymentRecord& deployment : facts.deployments) {
    if (deployment.state == DeploymentState::unverified)
      return {State::unverified, Attention::needed, fmt::format("{}: {}", deployment.target, deployment.problem)};
    if (facts.crl && deployment.version != static_cast<std::int64_t>(facts.crl->number))
      return {State::unverified, Attention::needed,
              fmt::format("{}: CRL {} is there, and CRL {} was signed", deployment.target, deployment.version,
                          facts.crl->number)};
  }
  return {};
}

}  // namespace everseal::plan
