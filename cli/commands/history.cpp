#include "base/error.h"
#include "base/text.h"
#include "command.h"
#include "config_problems.h"
#include "inventory/events.h"
#include "reconcile/access.h"
#include "reconcile/desired.h"
#include "reconcile/named.h"
#include "reconcile/session.h"
#include "show_rows.h"
#include "terminal.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace everseal::cli {
namespace {

constexpr Argument kHistoryArguments[] = {
    {.name = "NAME", .summary = "only this certificate's or authority's"},
    {.name = "--last", .summary = "only the newest ones", .value = "N"},
    {.name = "--verify",
     .summary = "recompute the chains of hashes and say whether they are whole",
     .type = ArgumentType::flag},
    {.name = "--anchor", .summary = "with --verify: the head that was noted earlier", .value = "CHAIN:N:HASH"},
};

// Several heads in one argument, as they were printed.
std::vector<inventory::Anchor> anchors_of(const std::string& text) {
  std::vector<inventory::Anchor> anchors;
  for (const std::string& word : base::split(text, ' ')) {
    if (word.empty()) continue;
    const auto anchor = inventory::Anchor::parse(word);
    if (!anchor)
      throw base::Error(base::Fault::usage, "--anchor: expected CHAIN:NUMBER:HASH",
                        "it is what `everseal history --verify` printed earlier");
    anchors.push_back(*anchor);
  }
  return anchors;
}

std::string heads_of(const inventory::HistoryVerdict& verdict) {
  std::string text;
  for (const auto& chain : verdict.chains) text += (text.empty() ? "" : " ") + chain.head.text();
  return text;
}

nlohmann::ordered_json to_json(const inventory::HistoryVerdict& verdict) {
  nlohmann::ordered_json chains = nlohmann::ordered_json::array();
  for (const auto& chain : verdict.chains)
    chains.push_back({{"chain", to_string(chain.head.chain)},
                      {"intact", chain.intact},
                      {"checked", chain.checked},
                      {"sealed", chain.sealed},
                      {"head", chain.head.text()},
                      {"problem", chain.problem},
                      {"note", chain.note}});
  return {{"intact", verdict.intact()}, {"chains", chains}};
}

int verify(const Context& context, inventory::Events& events) {
  const auto text = context.arguments.one("anchor");
  const auto anchors = text ? anchors_of(*text) : std::vector<inventory::Anchor>();
  const inventory::HistoryVerdict verdict = events.verify(anchors);
  for (const auto& chain : verdict.chains)
    if (!chain.note.empty()) note(fmt::format("everseal: chain {}: {}\n", to_string(chain.head.chain), chain.note));
  if (context.output == Output::json) {
    print_document(to_json(verdict).dump(2) + "\n");
    return verdict.intact() ? 0 : 1;
  }
  if (verdict.intact()) {
    std::int64_t checked = 0;
    for (const auto& chain : verdict.chains) checked += chain.checked;
    // The heads are kept as they stand, so their line is not broken.
    print(fmt::format("{} events, unchanged{}\nhead {}\n{}\n", checked, anchors.empty() ? "" : " since the anchor",
                      heads_of(verdict),
                      flowed("keep that line elsewhere: `everseal history --verify --anchor 'HEAD'` then tells whether "
                             "the past was rewritten",
                             {}, Stream::output)));
  }
  if (verdict.intact()) return 0;
  throw base::Error(base::Fault::corrupt,
                    fmt::format("the history is not what it was: {}", base::printable(verdict.problem())),
                    "somebody or something changed the database; compare it with a backup");
}

using report::Align;
using report::Narrow;

constexpr report::Column kShown[] = {
    {"number", "#", Align::right, Narrow::keep},   {"when", "WHEN", Align::left, Narrow::keep},
    {"actor", "WHO", Align::left, Narrow::cut, 1}, {"action", "WHAT", Align::left, Narrow::keep},
    {"subject", "OF", Align::left, Narrow::keep},  {"detail", "DETAIL", Align::left, Narrow::wrap}};
// Of one thing alone.
constexpr report::Column kOfOne[] = {kShown[0], kShown[1], kShown[2], kShown[3], kShown[5]};
constexpr report::Column kAll[] = {{"number", ""},  {"when", ""},   {"actor", ""}, {"action", ""},
                                   {"subject", ""}, {"detail", ""}, {"hash", ""},  {"chain", ""}};

report::Cell::Members members(const std::string& detail) {
  report::Cell::Members members;
  const auto parsed = nlohmann::ordered_json::parse(detail, nullptr, false);
  if (!parsed.is_object()) return {{"text", detail}};
  for (const auto& [key, value] : parsed.items())
    members.emplace_back(key, value.is_string() ? value.get<std::string>() : value.dump());
  return members;
}

// The certificate of that name, else the authority; Error(not_found) where the history knows neither.
std::string subject_named(const reconcile::Host& host, inventory::Store& store, const std::string& text) {
  const base::Name name = base::Name::parse(text, "certificate name");
  for (const std::string& subject : {reconcile::subject_of(name), reconcile::authority_subject(name)}) {
    bool known = false;
    inventory::Events(store).each({.subject = subject, .limit = 1}, [&](const auto&) { known = true; });
    if (known) return subject;
  }
  reconcile::require_managed(host, store, name);
  return reconcile::subject_of(name);
}

int run_history(Context& context) {
  const reconcile::Host host = context.host();
  inventory::Store store = reconcile::open_store(host, sql::Access::read_only);
  inventory::Events events(store);
  if (context.arguments.has("verify")) return verify(context, events);
  if (context.arguments.has("anchor"))
    throw base::Error(base::Fault::usage, "--anchor goes with --verify", "everseal history --verify --anchor HEAD");
  inventory::EventFilter filter;
  if (const auto name = context.arguments.one("NAME")) filter.subject = subject_named(host, store, *name);
  if (const auto last = context.arguments.one("last")) filter.limit = number_argument(*last, "--last");
  const auto sink = open_sink(context);
  const bool json = context.output == Output::json;
  const bool of_one = !filter.subject.empty();
  sink->begin("events", json     ? std::span<const report::Column>(kAll)
                        : of_one ? std::span<const report::Column>(kOfOne)
                                 : std::span<const report::Column>(kShown));
  events.each(filter, [&](const inventory::EventRecord& event) {
    // Each chain counts for itself. To people the number is said as an anchor says it.
    const report::Cell number =
        json ? report::Cell(event.number) : report::Cell(fmt::format("{}:{}", to_string(event.chain), event.number));
    std::vector<report::Cell> cells{number, event.when, event.actor, event.action};
    if (json || !of_one) cells.emplace_back(event.subject);
    cells.emplace_back(members(event.detail));
    if (json) {
      cells.emplace_back(event.hash);
      cells.emplace_back(std::string(to_string(event.chain)));
    }
    sink->row(cells);
  });
  sink->end();
  base::Problems problems = reconcile::look_at_config(host, store).problems;
  if (const auto name = context.arguments.one("NAME"))
    problems = reconcile::problems_for(problems, {base::Name::parse(*name)});
  warn_of(problems);
  return 0;
}

}  // namespace

extern const Command history_command;
const Command history_command{"history",
                              Group::inventory,
                              "show what happened, and prove that it was not rewritten",
                              "  everseal history www\n  everseal history --verify",
                              kHistoryArguments,
                              run_history};

}  // namespace everseal::cli
