#include "scan/period.h"

#include "audit/rule.h"
#include "base/text.h"
#include "inventory/audit_runs.h"
#include "inventory/certificates.h"
#include "inventory/places.h"
#include "scan/targets.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

namespace everseal::scan {
namespace {

using inventory::PlacedFinding;

bool is_of_interest(const inventory::EventRecord& event) {
  for (const std::string_view noun :
       {"certificate.", "authority.", "crl.", "key.", "version.", "finding.", "revocations."})
    if (event.action.starts_with(noun)) return true;
  return false;
}

bool is_failure(const PlacedFinding& placed) {
  const audit::Rule* const rule = audit::find_rule(placed.finding.rule);
  return rule != nullptr && rule->nature == audit::Nature::failure;
}

void take_policies(Period& period) {
  std::map<inventory::EnvironmentPolicy, std::size_t> index;
  for (const inventory::AuditRunRecord& run : period.runs) {
    std::vector<inventory::EnvironmentPolicy> used{{{}, run.policy, run.policy_hash}};
    used.insert(used.end(), run.by_environment.begin(), run.by_environment.end());
    for (const inventory::EnvironmentPolicy& one : used) {
      const auto [at, is_new] = index.emplace(one, period.policies.size());
      if (is_new) period.policies.push_back({one.environment, one.policy, one.hash, run.started, run.started, 0});
      period.policies[at->second].last = run.started;
      ++period.policies[at->second].runs;
    }
  }
}

// What the config wants looked at, where it was.
void take_targets(inventory::Store& store, const config::Config& config, Period& period) {
  inventory::Places places(store);
  const auto require = [&](const Wanted& one) {
    std::optional<base::Time> first, last;
    for (const inventory::PlaceRecord& place : places.named(one.name)) {
      if (!first || place.first_look < *first) first = place.first_look;
      if (!last || place.last_look > *last) last = place.last_look;
    }
    const std::string name = base::printable(one.name);
    if (!last || *first >= period.until)
      period.uncovered.push_back({name, "the config names it, and it was not looked at until then"});
    else if (*last < period.from)
      period.uncovered.push_back({name, fmt::format("last looked at {}", base::format_time(*last))});
  };
  base::Problems problems;
  for (const Wanted& one : endpoints_of(config, Secrets::left, problems)) require(one);
  for (const base::Problem& problem : problems) period.uncovered.push_back({problem.subject, to_string(problem)});
  for (const auto& [name, certificate] : config.certificates)
    for (const Wanted& one : targets_of(certificate)) require(one);
}

void take_uncovered(inventory::Store& store, const config::Config& config, Period& period) {
  if (period.runs.empty()) period.uncovered.push_back({"everything", "no audit ran"});
  for (const inventory::AuditRunRecord& run : period.runs)
    if (!run.complete)
      period.uncovered.push_back({fmt::format("{} at {}", base::printable(run.what), base::format_time(run.started)),
                                  run.ended ? fmt::format("the audit was stopped after {} places", run.looked)
                                            : std::string("the audit did not come to its end")});
  each_finding(store, period, Within::open_at_its_end, [&](const PlacedFinding& placed) {
    if (is_failure(placed))
      period.uncovered.push_back(
          {placed.place.text(), fmt::format("{}: {} (since {})", placed.finding.rule, placed.finding.what,
                                            base::format_time(placed.finding.opened))});
  });
  take_targets(store, config, period);
  for (const Standing& one : period.inventory) {
    const bool is_served = std::ranges::any_of(
        one.places, [](const Standing::Place& at) { return at.place.kind == inventory::PlaceKind::endpoint; });
    if (one.is_newest && !is_served)
      period.uncovered.push_back(
          {fmt::format("certificate {}", *one.certificate.managed), "no endpoint that is looked at showed it then"});
  }
}

}  // namespace

std::string_view Standing::state_at(base::Time when) const noexcept {
  if (certificate.revoked_at && *certificate.revoked_at <= when) return "revoked";
  return certificate.not_after <= when ? "expired" : "live";
}

std::vector<Standing> stood_at(inventory::Store& store, base::Time when) {
  std::vector<Standing> managed, seen;
  std::map<pki::Fingerprint, std::size_t> index;
  store.snapshot([&] {
    inventory::Certificates(store).each_managed_then(when, [&](const inventory::CertificateRecord& record) {
      index.emplace(record.fingerprint, managed.size());
      managed.push_back({.certificate = record, .is_newest = true, .places = {}});
    });
    inventory::Places(store).each_shown_then(when, [&](const inventory::Places::Shown& shown) {
      const auto known = index.find(shown.certificate.fingerprint);
      if (known == index.end() &&
          (seen.empty() || seen.back().certificate.fingerprint != shown.certificate.fingerprint))
        seen.push_back({.certificate = shown.certificate, .is_newest = false, .places = {}});
      Standing& standing = known == index.end() ? seen.back() : managed[known->second];
      standing.places.push_back(
          {shown.place, shown.sighting.first_seen, shown.sighting.last_seen.value_or(shown.place.last_look)});
    });
  });
  std::ranges::move(seen, std::back_inserter(managed));
  return managed;
}

Period period(inventory::Store& store, const config::Config& config, base::Time from, base::Time until) {
  Period all;
  all.from = from;
  all.until = until;
  const base::Time last = until - base::Seconds{1};
  all.inventory = stood_at(store, last);
  inventory::Events events(store);
  events.each_between(from, until, [&](const inventory::EventRecord& event) {
    if (is_of_interest(event)) all.events.push_back(event);
  });
  for (auto& exception : inventory::Findings(store).acknowledgements(from))
    if (exception.first.created < until) all.exceptions.push_back(std::move(exception));
  all.runs = inventory::AuditRuns(store).between(from, until);
  take_policies(all);
  take_uncovered(store, config, all);
  all.heads = events.heads();
  return all;
}

void each_finding(inventory::Store& store, const Period& period, Within which,
                  const std::function<void(const PlacedFinding&)>& row) {
  inventory::Findings findings(store);
  const base::Time last = period.until - base::Seconds{1};
  if (which == Within::open_at_its_end) return findings.each_open_then(last, row);
  findings.each_changed(period.from, period.until, last, [&](const PlacedFinding& placed) {
    const auto when = which == Within::opened ? std::optional(placed.finding.opened) : placed.finding.closed;
    if (when && *when >= period.from && *when < period.until) row(placed);
  });
}

}  // namespace everseal::scan
