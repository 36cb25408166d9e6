#include "audit_changes.h"

#include "base/error.h"
#include "base/text.h"
#include "inventory/audit_runs.h"
#include "moments.h"
#include "report/json.h"
#include "report/report.h"
#include "show_rows.h"

#include <fmt/format.h>

namespace everseal::cli {
namespace {

using report::Align;
using report::Cell;
using report::Column;
using report::Narrow;
using report::Tone;

constexpr Column kChangeColumns[] = {{"change", "CHANGE", Align::left, Narrow::keep},
                                     {"place", "PLACE", Align::left, Narrow::keep},
                                     {"environment", "ENV", Align::left, Narrow::cut, 1},
                                     {"what", "WHAT", Align::left, Narrow::wrap}};

std::string_view word_of(const scan::Difference& one) {
  switch (one.presence) {
    case scan::Difference::Presence::appeared:
      return "new";
    case scan::Difference::Presence::gone:
      return "gone";
    case scan::Difference::Presence::stays:
      break;
  }
  return one.is_worse() ? "worse" : "changed";
}

void put(report::JsonWriter& writer, std::string_view key, const std::vector<inventory::FindingRecord>& findings) {
  writer.key(key).begin_array();
  for (const inventory::FindingRecord& finding : findings) {
    writer.begin_object().key("rule").text(finding.rule).key("severity").text(finding.severity);
    writer.key("what").text(finding.what).key("opened").time(finding.opened);
    writer.key("closed").value(finding.closed).end_object();
  }
  writer.end_array();
}

void put(report::JsonWriter& writer, std::string_view key, const std::optional<inventory::CertificateRecord>& leaf) {
  writer.key(key);
  if (!leaf) {
    writer.null();
    return;
  }
  writer.begin_object().key("fingerprint").text(leaf->fingerprint.text()).key("subject").text(leaf->subject);
  writer.key("issuer").text(leaf->issuer).key("not_after").time(leaf->not_after).end_object();
}

void print_json(const std::vector<scan::Difference>& all, base::Time since, base::Time now) {
  report::JsonWriter writer;
  writer.begin_object();
  writer.key("since").time(since).key("until").time(now).key("changes").begin_array();
  for (const scan::Difference& one : all) {
    writer.begin_object().key("change").text(word_of(one)).key("place").text(one.place.name);
    writer.key("address").text(one.place.address).key("environment").text(one.place.environment);
    writer.key("team").text(one.place.team).key("what").text(one.text());
    put(writer, "before", one.before);
    put(writer, "after", one.after);
    put(writer, "opened", one.opened);
    put(writer, "closed", one.closed);
    put(writer, "worsened", one.worsened);
    put(writer, "lapsed", one.lapsed);
    writer.end_object();
  }
  writer.end_array().end_object();
  print_document(writer.written());
}

}  // namespace

bool show_changes(const Context& context, inventory::Store& store, const scan::Span& span) {
  const auto all = scan::differences(store, span);
  if (context.output == Output::json) {
    print_json(all, span.since, span.until);
    return !all.empty();
  }
  const auto sink = open_sink(context);
  sink->begin("changes", kChangeColumns);
  for (const scan::Difference& one : all) {
    const Cell cells[] = {Cell(Cell(word_of(one)), one.is_worse() ? Tone::bad : Tone::plain), one.place.text(),
                          one.place.environment.empty() ? Cell() : Cell(one.place.environment), one.text()};
    sink->row(cells);
  }
  sink->end();
  return !all.empty();
}

base::Time parse_since(const std::string& text, inventory::Store& store, base::Time now) {
  if (text == "last") {
    const auto run = inventory::AuditRuns(store).newest(now);
    if (run) return run->started;
    throw base::Error(base::Fault::usage, "nothing was audited yet", "`everseal audit` begins");
  }
  return begin_argument(text, "--diff", now);
}

}  // namespace everseal::cli
