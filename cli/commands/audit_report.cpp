#include "audit_surroundings.h"
#include "base/error.h"
#include "base/text.h"
#include "command.h"
#include "config_problems.h"
#include "moments.h"
#include "report/audit_json.h"
#include "report/json.h"
#include "scan/period.h"
#include "show_rows.h"
#include "terminal.h"
#include "version.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace everseal::cli {
namespace {

constexpr Argument kAuditReportArguments[] = {
    {.name = "--from",
     .summary = "its begin: 2026-01-01, a time, or 90d for that long ago; without it 90d",
     .value = "DATE"},
    {.name = "--to", .summary = "its last day, or a time; without it until now", .value = "DATE"},
};

constexpr std::string_view kReportedByDefault = "90d";

using inventory::EventRecord;
using inventory::PlacedFinding;
using report::Align;
using report::Cell;
using report::Column;
using report::JsonWriter;
using report::Narrow;

std::string date_of(base::Time time) { return base::format_time(time).substr(0, 10); }
std::string minute(base::Time time) { return base::format_time(time).substr(0, 16).replace(10, 1, " "); }
Cell text_cell(std::string_view text) { return text.empty() ? Cell() : Cell(text); }

std::vector<std::pair<std::string, std::string>> members_of(const std::string& detail) {
  std::vector<std::pair<std::string, std::string>> members;
  const auto parsed = nlohmann::ordered_json::parse(detail, nullptr, false);
  if (!parsed.is_object()) return members;
  for (const auto& [key, value] : parsed.items())
    members.emplace_back(key, value.is_string() ? value.get<std::string>() : value.dump());
  return members;
}

std::string places_of(const scan::Standing& one) {
  constexpr std::size_t kMost = 3;
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < std::min(one.places.size(), kMost); ++i) texts.push_back(one.places[i].place.text());
  if (one.places.size() > kMost) texts.push_back(fmt::format("{} more", one.places.size() - kMost));
  return base::join(texts, ", ");
}

// Tables one below the other, each with a heading.
class TextReport {
 public:
  TextReport(const Context& context, inventory::Store& store, const scan::Period& period)
      : context_(context), store_(store), period_(period) {}

  void print_all() {
    print(fmt::format("{}\n", styled(fmt::format("Certificates and audits from {} until {} UTC", minute(period_.from),
                                                 minute(period_.until)),
                                     Style::bold, Stream::output)));
    policies();
    inventory();
    events();
    findings("Findings opened", scan::Within::opened);
    findings("Findings closed", scan::Within::closed);
    findings("Findings open at the end", scan::Within::open_at_its_end);
    exceptions();
    runs();
    uncovered();
    heading("History", period_.heads.size());
    for (const auto& head : period_.heads) print(fmt::format("{}\n", head.text()));
    print(fmt::format("{}\n",
                      flowed("`everseal history --verify --anchor 'HEAD'` tells later whether what stands above was "
                             "rewritten",
                             {}, Stream::output)));
  }

 private:
  void heading(std::string_view title, std::size_t count) {
    print(fmt::format("\n{}\n", styled(fmt::format("{} ({})", title, count), Style::bold, Stream::output)));
  }

  std::unique_ptr<report::Sink> table(std::string_view title, std::size_t count, std::span<const Column> columns) {
    heading(title, count);
    if (count == 0) return nullptr;
    auto sink = open_sink(context_);
    sink->begin(title, columns);
    return sink;
  }

  void policies() {
    static constexpr Column columns[] = {
        {"policy", "POLICY", Align::left, Narrow::keep},    {"environment", "ENV", Align::left, Narrow::keep},
        {"first", "FIRST USED", Align::left, Narrow::keep}, {"last", "LAST USED", Align::left, Narrow::keep},
        {"runs", "AUDITS", Align::right, Narrow::keep},     {"hash", "SHA-256", Align::left, Narrow::wrap}};
    const auto sink = table("Policies", period_.policies.size(), columns);
    if (!sink) return;
    for (const auto& one : period_.policies) {
      const Cell cells[] = {one.policy,        one.environment.empty() ? Cell() : Cell(one.environment),
                            minute(one.first), minute(one.last),
                            one.runs,          one.hash};
      sink->row(cells);
    }
    sink->end();
  }

  void inventory() {
    static constexpr Column columns[] = {
        {"name", "NAME", Align::left, Narrow::keep},       {"state", "STATE", Align::left, Narrow::keep},
        {"ends", "ENDS", Align::left, Narrow::keep},       {"key", "KEY", Align::left, Narrow::cut, 2},
        {"issuer", "ISSUER", Align::left, Narrow::cut, 3}, {"names", "IDENTIFIERS", Align::left, Narrow::cut, 1},
        {"places", "SEEN AT", Align::left, Narrow::wrap}};
    const auto sink = table("Inventory at the end", period_.inventory.size(), columns);
    if (!sink) return;
    for (const scan::Standing& one : period_.inventory) {
      const auto& record = one.certificate;
      const Cell cells[] = {record.managed ? Cell(record.managed->text()) : Cell(),
                            one.state_at(period_.until),
                            date_of(record.not_after),
                            record.key,
                            record.issuer,
                            record.names.raw().empty() ? Cell(record.subject) : Cell(record.names),
                            places_of(one)};
      sink->row(cells);
    }
    sink->end();
  }

  void events() {
    static constexpr Column columns[] = {{"when", "WHEN", Align::left, Narrow::keep},
                                         {"who", "WHO", Align::left, Narrow::keep},
                                         {"what", "WHAT", Align::left, Narrow::keep},
                                         {"of", "OF", Align::left, Narrow::keep},
                                         {"detail", "DETAIL", Align::left, Narrow::wrap}};
    const auto sink = table("Issued, revoked and done", period_.events.size(), columns);
    if (!sink) return;
    for (const EventRecord& event : period_.events) {
      std::vector<std::string> parts;
      for (const auto& [key, value] : members_of(event.detail)) parts.push_back(fmt::format("{}={}", key, value));
      const Cell cells[] = {minute(event.when), event.actor, event.action, event.subject,
                            base::printable(base::join(parts, ", "))};
      sink->row(cells);
    }
    sink->end();
  }

  void findings(std::string_view title, scan::Within which) {
    std::vector<PlacedFinding> all;
    scan::each_finding(store_, period_, which, [&](const PlacedFinding& one) { all.push_back(one); });
    static constexpr Column columns[] = {
        {"severity", "SEVERITY", Align::left, Narrow::keep}, {"rule", "RULE", Align::left, Narrow::keep},
        {"place", "PLACE", Align::left, Narrow::keep},       {"opened", "OPENED", Align::left, Narrow::keep},
        {"closed", "CLOSED", Align::left, Narrow::keep},     {"what", "WHAT", Align::left, Narrow::wrap}};
    const auto sink = table(title, all.size(), columns);
    if (!sink) return;
    for (const PlacedFinding& one : all) {
      const bool is_closed = one.finding.closed && *one.finding.closed < period_.until;
      const Cell cells[] = {one.finding.severity,
                            one.finding.rule,
                            one.place.text(),
                            minute(one.finding.opened),
                            is_closed ? Cell(minute(*one.finding.closed)) : Cell(),
                            one.finding.what};
      sink->row(cells);
    }
    sink->end();
  }

  void exceptions() {
    static constexpr Column columns[] = {
        {"rule", "RULE", Align::left, Narrow::keep},   {"place", "PLACE", Align::left, Narrow::keep},
        {"who", "WHO", Align::left, Narrow::keep},     {"from", "FROM", Align::left, Narrow::keep},
        {"until", "UNTIL", Align::left, Narrow::keep}, {"why", "WHY", Align::left, Narrow::wrap}};
    const auto sink = table("Exceptions", period_.exceptions.size(), columns);
    if (!sink) return;
    for (const auto& [known, place] : period_.exceptions) {
      const Cell cells[] = {
          known.rule,
          place.text(),
          known.actor,
          minute(known.created),
          known.withdrawn ? Cell(fmt::format("{} (taken back)", minute(*known.withdrawn))) : Cell(minute(known.until)),
          known.reason};
      sink->row(cells);
    }
    sink->end();
  }

  void runs() {
    static constexpr Column columns[] = {
        {"when", "BEGAN", Align::left, Narrow::keep},        {"who", "WHO", Align::left, Narrow::keep},
        {"looked", "PLACES", Align::right, Narrow::keep},    {"failed", "FAILED", Align::right, Narrow::keep},
        {"complete", "COMPLETE", Align::left, Narrow::keep}, {"what", "WHAT", Align::left, Narrow::wrap}};
    const auto sink = table("Audits", period_.runs.size(), columns);
    if (!sink) return;
    for (const auto& run : period_.runs) {
      const Cell cells[] = {minute(run.started),         run.actor, run.looked, run.failed,
                            run.complete ? "yes" : "no", run.what};
      sink->row(cells);
    }
    sink->end();
  }

  void uncovered() {
    static constexpr Column columns[] = {{"what", "WHAT", Align::left, Narrow::keep},
                                         {"why", "WHY", Align::left, Narrow::wrap}};
    const auto sink = table("Not covered", period_.uncovered.size(), columns);
    if (!sink) return;
    for (const auto& one : period_.uncovered) {
      const Cell cells[] = {one.what, one.why};
      sink->row(cells);
    }
    sink->end();
  }

  const Context& context_;
  inventory::Store& store_;
  const scan::Period& period_;
};

void write_place(JsonWriter& writer, const inventory::PlaceRecord& place) {
  writer.key("kind").text(to_string(place.kind)).key("place").text(place.name);
  writer.key("address").value(text_cell(place.address));
  writer.key("environment").value(text_cell(place.environment)).key("team").value(text_cell(place.team));
}

void print_if_large(JsonWriter& writer) {
  if (writer.written().size() >= kPartSize) print_part(writer);
}

void write_findings(JsonWriter& writer, std::string_view key, inventory::Store& store, const scan::Period& period,
                    scan::Within which) {
  writer.key(key).begin_array();
  scan::each_finding(store, period, which, [&](const PlacedFinding& one) {
    const bool is_closed = one.finding.closed && *one.finding.closed < period.until;
    writer.begin_object().key("rule").text(one.finding.rule).key("severity").text(one.finding.severity);
    writer.key("what").text(one.finding.what);
    write_place(writer, one.place);
    writer.key("certificate").value(one.finding.certificate ? Cell(one.finding.certificate->text()) : Cell());
    writer.key("opened").time(one.finding.opened).key("closed").value(is_closed ? Cell(*one.finding.closed) : Cell());
    writer.end_object();
    print_if_large(writer);
  });
  writer.end_array();
}

void write_inventory(JsonWriter& writer, const scan::Period& period) {
  writer.key("inventory").begin_array();
  for (const scan::Standing& one : period.inventory) {
    const auto& record = one.certificate;
    writer.begin_object().key("managed").value(record.managed ? Cell(record.managed->text()) : Cell());
    writer.key("version").value(record.version).key("state").text(one.state_at(period.until));
    writer.key("fingerprint").text(record.fingerprint.text()).key("serial").text(record.serial);
    writer.key("subject").text(record.subject).key("issuer").text(record.issuer);
    writer.key("identifiers").texts(names_of(record)).key("key").text(record.key);
    writer.key("not_before").time(record.not_before).key("not_after").time(record.not_after);
    writer.key("places").begin_array();
    for (const auto& at : one.places) {
      writer.begin_object();
      write_place(writer, at.place);
      writer.key("from").time(at.from).key("until").time(at.until).end_object();
    }
    writer.end_array().end_object();
    print_if_large(writer);
  }
  writer.end_array();
}

void print_json(inventory::Store& store, const scan::Period& period, const std::string& host, base::Time now) {
  JsonWriter writer;
  writer.begin_object().key(report::kFormatKey).number(report::kFormat);
  writer.key("from").time(period.from).key("until").time(period.until).key("written").time(now);
  writer.key("host").text(host).key("version").text(kVersion).key("policies").begin_array();
  for (const auto& one : period.policies)
    writer.begin_object()
        .key("policy")
        .text(one.policy)
        .key("environment")
        .value(one.environment.empty() ? Cell() : Cell(one.environment))
        .key("hash")
        .text(one.hash)
        .key("first")
        .time(one.first)
        .key("last")
        .time(one.last)
        .key("audits")
        .number(one.runs)
        .end_object();
  writer.end_array();
  write_inventory(writer, period);
  writer.key("events").begin_array();
  for (const EventRecord& event : period.events) {
    writer.begin_object().key("chain").text(to_string(event.chain)).key("number").number(event.number);
    writer.key("when").time(event.when).key("who").text(event.actor).key("action").text(event.action);
    writer.key("subject").text(event.subject).key("detail").begin_object();
    for (const auto& [key, value] : members_of(event.detail)) writer.key(key).text(value);
    writer.end_object().end_object();
    print_if_large(writer);
  }
  writer.end_array();
  write_findings(writer, "opened", store, period, scan::Within::opened);
  write_findings(writer, "closed", store, period, scan::Within::closed);
  write_findings(writer, "open", store, period, scan::Within::open_at_its_end);
  writer.key("exceptions").begin_array();
  for (const auto& [known, place] : period.exceptions) {
    writer.begin_object().key("rule").text(known.rule);
    write_place(writer, place);
    writer.key("who").text(known.actor).key("why").text(known.reason).key("up_to").text(known.severity);
    writer.key("from").time(known.created).key("until").time(known.until).key("withdrawn").value(known.withdrawn);
    writer.end_object();
  }
  writer.end_array().key("audits").begin_array();
  for (const auto& run : period.runs) {
    writer.begin_object().key("what").text(run.what).key("who").text(run.actor).key("began").time(run.started);
    writer.key("ended").value(run.ended).key("complete").boolean(run.complete).key("looked").number(run.looked);
    writer.key("failed").number(run.failed).key("policy").text(run.policy);
    report::write_policies(writer, run.by_environment);
    writer.end_object();
  }
  writer.end_array().key("not_covered").begin_array();
  for (const auto& one : period.uncovered)
    writer.begin_object().key("what").text(one.what).key("why").text(one.why).end_object();
  writer.end_array().key("history").begin_array();
  for (const auto& head : period.heads) writer.text(head.text());
  writer.end_array().end_object();
  print_part(writer);
}

int run_audit_report(Context& context) {
  const reconcile::Host host = context.host();
  const base::Time now = host.clock();
  const base::Time from =
      begin_argument(context.arguments.one("from").value_or(std::string(kReportedByDefault)), "--from", now);
  const auto to = context.arguments.one("to");
  const base::Time until = to ? end_argument(*to, "--to", now) : now + base::Seconds{1};
  if (from >= until)
    throw base::Error(
        base::Fault::usage,
        fmt::format("the time from {} until {} is empty", base::format_time(from), base::format_time(until)),
        "--from DATE comes before --to DATE, which is its last day, and both before now");
  Surroundings around = surroundings(host, sql::Access::read_only, true);
  const scan::Period period = scan::period(*around.store, around.config, from, until);
  if (context.output == Output::json)
    print_json(*around.store, period, host_name(), now);
  else
    TextReport(context, *around.store, period).print_all();
  warn_of(around.problems);
  return 0;
}

}  // namespace

extern const Command audit_report_command;
const Command audit_report_command{
    "audit report",
    Group::inventory,
    "tell an auditor what there was, what was done and what was wrong",
    "Of a time: the inventory at its end, what was issued and revoked by whom, findings opened and\n"
    "closed, what was let be by whom, why and until when, the policies that were judged by with their\n"
    "digests, what was not covered and why, and the heads of the history's chains. Nothing is looked\n"
    "at. What was seen is kept three years, what was issued and done 400 days, authorities' acts for ever.\n\n"
    "  everseal audit report --from 2026-07-01 --to 2026-09-30\n"
    "  everseal audit report --from 90d --json > report.json",
    kAuditReportArguments,
    run_audit_report};

}  // namespace everseal::cli
