#include "reconcile/verbs/finding_acknowledge.h"

#include "audit/rule.h"
#include "base/error.h"
#include "base/text.h"
#include "inventory/events.h"
#include "inventory/findings.h"
#include "inventory/places.h"
#include "reconcile/access.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::reconcile {
namespace {

using base::Error;
using base::Fault;
using inventory::AcknowledgementRecord;
using inventory::FindingRecord;
using inventory::PlaceRecord;

constexpr base::Seconds kLongestAcknowledged{366 * 86400};
constexpr std::string_view kAcknowledgedFor = "90d";
constexpr std::size_t kLongestReason = 1000;

std::string subject_of_place(const PlaceRecord& place) {
  return fmt::format("{}/{}", to_string(place.kind), place.text());
}

// Every address of an endpoint, or the one that is named with it.
std::vector<PlaceRecord> places_called(inventory::Store& store, const std::string& text) {
  inventory::Places places(store);
  std::vector<PlaceRecord> found = places.named(text);
  const auto at = text.rfind(" at ");
  if (found.empty() && at != std::string::npos) {
    found = places.named(text.substr(0, at));
    std::erase_if(found, [&](const PlaceRecord& place) { return place.address != text.substr(at + 4); });
  }
  if (found.empty())
    throw Error(Fault::not_found, fmt::format("no audit ever saw a place called '{}'", base::printable(text)),
                "name it as `everseal audit` shows it: \"www.example.org:443\", or the path of a file");
  return found;
}

Error nothing_to_acknowledge(inventory::Store& store, const AcknowledgeRequest& request,
                             const std::vector<PlaceRecord>& places) {
  std::vector<std::string> open;
  for (const PlaceRecord& place : places)
    for (const FindingRecord& finding : inventory::Findings(store).open_at(place.id))
      if (std::ranges::find(open, finding.rule) == open.end()) open.push_back(finding.rule);
  return Error(Fault::not_found, fmt::format("{} is not found at {}", request.rule, base::printable(request.place)),
               open.empty() ? std::string("nothing is; `everseal audit` looks again")
                            : fmt::format("what is open there: {}", base::join(open, ", ")));
}

// In what the new one is another than the one that it takes the place of; "" where it is the same.
std::string difference(const AcknowledgementRecord& before, const AcknowledgementRecord& now) {
  std::vector<std::string> parts;
  if (before.until != now.until) parts.push_back(fmt::format("until {} before", base::format_time(before.until)));
  if (before.reason != now.reason) parts.push_back(fmt::format("the reason was '{}'", base::printable(before.reason)));
  if (before.severity != now.severity) parts.push_back(fmt::format("as {} before", before.severity));
  if (before.actor != now.actor) parts.push_back(fmt::format("it was {}'s", base::printable(before.actor)));
  return base::join(parts, ", ");
}

Outcome acknowledge_at(inventory::Store& store, const PlaceRecord& place, AcknowledgementRecord wanted) {
  inventory::Findings findings(store);
  wanted.place = place.id;
  const auto before = findings.acknowledgement(wanted.rule, place.id, wanted.created);
  const std::string other = before ? difference(*before, wanted) : std::string();
  Outcome outcome{subject_of_place(place), {}, "acknowledge"};
  outcome.text = fmt::format("{} ({}) until {}", wanted.rule, wanted.severity, base::format_time(wanted.until));
  if (before && other.empty()) {
    outcome.text += ", as before";
    return outcome;
  }
  if (before) outcome.text += fmt::format(" ({})", other);
  findings.acknowledge(wanted);
  inventory::Events(store).add("finding.acknowledged", outcome.subject,
                               {{"rule", wanted.rule},
                                {"severity", wanted.severity},
                                {"reason", wanted.reason},
                                {"until", base::format_time(wanted.until)}},
                               wanted.created);
  return outcome;
}

// "90d" from now on, or "2027-02-28": that day is the last.
Time end_of(const std::string& text, Time now) {
  std::optional<Time> until;
  if (const auto span = base::parse_duration(text)) until = now + *span;
  if (const auto day = base::parse_day(text)) until = *day + base::Seconds{86400};
  if (!until) until = base::parse_rfc3339(text);
  if (!until)
    throw Error(Fault::usage, fmt::format("--until: '{}' is no time", base::printable(text.substr(0, 80))),
                "write 30d, 2027-02-28 (its last day) or 2027-02-28T08:00:00Z");
  return *until;
}

}  // namespace

Verdict acknowledge_finding(const Host& host, const AcknowledgeRequest& request) {
  inventory::Store store = open_store(host, sql::Access::read_write);
  audit::require_rule(request.rule);
  const Time now = host.clock();
  if (request.until <= now)
    throw Error(Fault::usage, fmt::format("--until: {} is over", base::format_time(request.until)));
  if (request.until > now + kLongestAcknowledged)
    throw Error(Fault::usage, fmt::format("--until: {} is more than a year away", base::format_time(request.until)),
                fmt::format("what is acknowledged is looked at again within a year: {} at the latest",
                            base::format_time(now + kLongestAcknowledged).substr(0, 10)));
  if (base::trim(request.reason).empty())
    throw Error(Fault::usage, "--reason: it says nothing", "say for who reads the reports why it may be so");
  if (request.reason.size() > kLongestReason)
    throw Error(Fault::usage, fmt::format("--reason: it is longer than {} octets", kLongestReason));
  Verdict verdict;
  store.transaction([&] {
    const std::vector<PlaceRecord> places = places_called(store, request.place);
    for (const PlaceRecord& place : places) {
      AcknowledgementRecord wanted;
      wanted.rule = request.rule;
      wanted.reason = request.reason;
      wanted.actor = store.actor();
      wanted.created = now;
      wanted.until = request.until;
      wanted.severity.clear();
      for (const FindingRecord& finding : inventory::Findings(store).open_at(place.id))
        if (finding.rule == request.rule && !wanted.covers(finding)) wanted.severity = finding.severity;
      if (!wanted.severity.empty()) verdict.outcomes.push_back(acknowledge_at(store, place, std::move(wanted)));
    }
    if (verdict.outcomes.empty()) throw nothing_to_acknowledge(store, request, places);
  });
  return verdict;
}

Verdict reopen_finding(const Host& host, const std::string& rule, const std::string& place) {
  inventory::Store store = open_store(host, sql::Access::read_write);
  audit::require_rule(rule);
  const Time now = host.clock();
  Verdict verdict;
  store.transaction([&] {
    inventory::Findings findings(store);
    for (const PlaceRecord& one : places_called(store, place)) {
      const auto known = findings.acknowledgement(rule, one.id, now);
      if (!known) continue;
      findings.withdraw(rule, one.id, now);
      const std::string subject = subject_of_place(one);
      inventory::Events(store).add("finding.reopened", subject, {{"rule", rule}, {"by", known->actor}}, now);
      verdict.outcomes.push_back({subject,
                                  {},
                                  "reopen",
                                  Result::done,
                                  fmt::format("{}, which {} had acknowledged until {}", rule,
                                              base::printable(known->actor), base::format_time(known->until))});
    }
    if (verdict.outcomes.empty())
      throw Error(Fault::not_found, fmt::format("{} is not acknowledged at {}", rule, base::printable(place)),
                  "`everseal finding list --acknowledged` shows what is");
  });
  return verdict;
}

namespace {

constexpr base::Option kAcknowledgeFields[] = {
    {.name = "rule", .summary = "the rule that is broken, \"expiring\"", .required = true},
    {.name = "place", .summary = "where, as reports name it: \"www.example.org:443\", or a path", .required = true},
    {.name = "reason", .summary = "why it may be so, for who reads the reports", .required = true},
    {.name = "until", .summary = "how long: 30d, or its last day, 2027-02-28", .fallback = kAcknowledgedFor},
};

Answer run_acknowledge(const Host& host, const base::Options& request) {
  return {acknowledge_finding(host, {request.string("rule"), request.string("place"), request.string("reason"),
                                     end_of(request.string("until"), host.clock())})};
}

}  // namespace

const Verb finding_acknowledge_verb{
    "finding acknowledge", 1,
    Needs::store,          "say that a finding is known of, and why, until a day: it counts for nothing",
    kAcknowledgeFields,    run_acknowledge};

}  // namespace everseal::reconcile
