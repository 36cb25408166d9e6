#include "command.h"
#include "environment.h"
#include "inventory/findings.h"
#include "reconcile/access.h"
#include "report/json.h"
#include "show_rows.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

namespace everseal::cli {
namespace {

constexpr Argument kFindingListArguments[] = {
    {.name = "--acknowledged",
     .summary = "only what is acknowledged, also where nothing of the kind is open now",
     .type = ArgumentType::flag},
    {.name = "--env", .summary = "only of this environment", .value = "ENV"},
};

using inventory::AcknowledgementRecord;
using inventory::FindingRecord;
using inventory::PlaceRecord;
using report::Align;
using report::Cell;
using report::Column;
using report::JsonWriter;
using report::Narrow;
using report::Tone;

constexpr Column kFindingColumns[] = {
    {"severity", "SEVERITY", Align::left, Narrow::keep}, {"rule", "RULE", Align::left, Narrow::keep},
    {"place", "PLACE", Align::left, Narrow::keep},       {"environment", "ENV", Align::left, Narrow::cut, 3},
    {"since", "SINCE", Align::left, Narrow::keep, 2},    {"known", "KNOWN UNTIL", Align::left, Narrow::keep, 1},
    {"what", "WHAT", Align::left, Narrow::wrap}};

// An open finding, or an acknowledgement whose finding is not open.
struct Entry {
  PlaceRecord place;
  std::optional<FindingRecord> finding;
  std::optional<AcknowledgementRecord> acknowledgement;

  const std::string& rule() const { return finding ? finding->rule : acknowledgement->rule; }
};

std::vector<Entry> entries(inventory::Store& store, const Arguments& arguments, base::Time now) {
  const bool only_known = arguments.has("acknowledged");
  const auto environment = arguments.one("env");
  std::vector<Entry> all;
  std::set<std::int64_t> covering;
  inventory::Findings findings(store);
  findings.each_open(now, [&](const inventory::PlacedFinding& placed) {
    if (placed.acknowledgement) covering.insert(placed.acknowledgement->id);
    if (only_known && !placed.acknowledgement) return;
    all.push_back({placed.place, placed.finding, placed.acknowledgement});
  });
  if (only_known)
    for (auto& [known, place] : findings.acknowledgements(now))
      if (known.holds_at(now) && !covering.contains(known.id)) all.push_back({place, std::nullopt, known});
  if (environment) std::erase_if(all, [&](const Entry& one) { return one.place.environment != *environment; });
  std::ranges::stable_sort(all, std::greater<>(), [](const Entry& one) {
    return one.finding ? inventory::gravity(one.finding->severity) : 0;
  });
  return all;
}

std::string date_of_finding(base::Time time) { return base::format_time(time).substr(0, 10); }

Tone tone_of(const Entry& one) {
  if (!one.finding || one.acknowledgement) return Tone::plain;
  const int gravity = inventory::gravity(one.finding->severity);
  return gravity >= inventory::gravity("error")     ? Tone::bad
         : gravity == inventory::gravity("warning") ? Tone::warning
                                                    : Tone::plain;
}

std::string what_of(const Entry& one) {
  const std::string what = one.finding ? one.finding->what : std::string("nothing of the kind is open");
  if (!one.acknowledgement) return what;
  return fmt::format("{}; {}: {}", what, one.acknowledgement->actor, one.acknowledgement->reason);
}

void print_table(const Context& context, const std::vector<Entry>& all) {
  const auto sink = open_sink(context);
  sink->begin("findings", kFindingColumns);
  for (const Entry& one : all) {
    const Cell cells[] = {one.finding ? Cell(Cell(one.finding->severity), tone_of(one)) : Cell(),
                          one.rule(),
                          one.place.text(),
                          one.place.environment.empty() ? Cell() : Cell(one.place.environment),
                          one.finding ? Cell(date_of_finding(one.finding->opened)) : Cell(),
                          one.acknowledgement ? Cell(date_of_finding(one.acknowledgement->until)) : Cell(),
                          what_of(one)};
    sink->row(cells);
  }
  sink->end();
}

void print_json(const std::vector<Entry>& all) {
  JsonWriter writer;
  const auto put = [&](std::string_view key, const std::string& text) {
    writer.key(key).value(text.empty() ? Cell() : Cell(text));
  };
  writer.begin_object().key("findings").begin_array();
  for (const Entry& one : all) {
    const auto& finding = one.finding;
    writer.begin_object().key("rule").text(one.rule()).key("kind").text(to_string(one.place.kind));
    writer.key("place").text(one.place.name);
    put("address", one.place.address);
    put("environment", one.place.environment);
    put("team", one.place.team);
    writer.key("open").boolean(finding.has_value());
    put("severity", finding ? finding->severity : std::string());
    put("what", finding ? finding->what : std::string());
    put("certificate", finding && finding->certificate ? finding->certificate->text() : std::string());
    writer.key("since").value(finding ? Cell(finding->opened) : Cell());
    writer.key("acknowledged");
    if (const auto& known = one.acknowledgement) {
      writer.begin_object().key("reason").text(known->reason).key("by").text(known->actor);
      writer.key("from").time(known->created).key("until").time(known->until);
      writer.key("up_to").text(known->severity).end_object();
    } else {
      writer.null();
    }
    writer.end_object();
  }
  writer.end_array().end_object();
  print_document(writer.written());
}

int run_finding_list(Context& context) {
  const reconcile::Host host = context.host();
  inventory::Store store = reconcile::open_store(host, sql::Access::read_only);
  if (const auto environment = context.arguments.one("env")) require_known_environment(host, store, *environment);
  const std::vector<Entry> all = entries(store, context.arguments, host.clock());
  if (context.output == Output::json)
    print_json(all);
  else
    print_table(context, all);
  if (all.empty() && context.output == Output::text && !context.quiet)
    note(context.arguments.has("acknowledged") ? "nothing is acknowledged\n" : "nothing is open\n");
  return 0;
}

}  // namespace

extern const Command finding_list_command;
const Command finding_list_command{"finding list",
                                   Group::inventory,
                                   "list what audits found and is still open, the gravest first",
                                   "As of each place's last look; nothing is looked at.\n\n"
                                   "  everseal finding list --env prod\n"
                                   "  everseal finding list --acknowledged",
                                   kFindingListArguments,
                                   run_finding_list};

}  // namespace everseal::cli
