#include "inventory/findings.h"

#include "inventory/finding_rows.h"
#include "inventory/place_rows.h"
#include "inventory/rows.h"

#include <map>

namespace everseal::inventory {
namespace {

constexpr std::string_view kAcknowledgementColumns =
    "acknowledgement.id, acknowledgement.rule, acknowledgement.place, acknowledgement.reason, acknowledgement.actor, "
    "acknowledgement.created, acknowledgement.until, acknowledgement.withdrawn, "
    "acknowledgement.severity";
constexpr int kAcknowledgementColumnCount = 9;

AcknowledgementRecord acknowledgement_at(const sql::Statement& row, int column) {
  return {.id = row.integer(column),
          .rule = text_at(row, column + 1),
          .place = row.integer(column + 2),
          .reason = text_at(row, column + 3),
          .actor = text_at(row, column + 4),
          .created = time_at(row, column + 5),
          .until = time_at(row, column + 6),
          .withdrawn = optional_at(row, column + 7, time_at),
          .severity = text_at(row, column + 8)};
}

PlacedFinding placed_at(const sql::Statement& row) {
  PlacedFinding placed{
      .finding = finding_at(row, 0), .place = place_at(row, kFindingColumnCount), .acknowledgement = std::nullopt};
  constexpr int column = kFindingColumnCount + kPlaceColumnCount;
  if (row.is_null(column)) return placed;
  AcknowledgementRecord known = acknowledgement_at(row, column);
  if (known.covers(placed.finding)) placed.acknowledgement = std::move(known);
  return placed;
}

// Findings with their places and what holds of acknowledgements at $1.
std::string select_placed(std::string_view condition) {
  return fmt::format(
      "select {}, {}, {} from finding join place on place.id = finding.place left join acknowledgement on "
      "acknowledgement.place = finding.place and acknowledgement.rule = finding.rule and "
      "acknowledgement.withdrawn is null and acknowledgement.until > $1 where {}",
      kFindingColumns, kPlaceColumns, kAcknowledgementColumns, condition);
}

base::BytesView octets_of(const std::optional<pki::Fingerprint>& certificate) {
  return certificate ? base::BytesView(certificate->octets) : base::BytesView();
}

void open(Store& store, std::int64_t place, const FindingRecord& finding, Time now) {
  sql::Query query(store.database(),
                   "insert into finding (rule, place, certificate, severity, what, opened) "
                   "values ($1, $2, $3, $4, $5, $6) on conflict do nothing");
  query->bind(1, finding.rule).bind(2, place).bind(3, octets_of(finding.certificate));
  query->bind(4, finding.severity).bind(5, finding.what).bind(6, base::to_unix(now)).execute();
}

}  // namespace

void Findings::replace(std::int64_t place, std::span<const FindingRecord> found,
                       const std::function<bool(const FindingRecord&)>& stays, Time now) {
  store_.transaction([&] {
    std::map<std::pair<std::string, std::optional<pki::Fingerprint>>, const FindingRecord*> wanted;
    for (const FindingRecord& finding : found) wanted.try_emplace({finding.rule, finding.certificate}, &finding);
    for (const FindingRecord& known : open_at(place)) {
      const auto still = wanted.find({known.rule, known.certificate});
      if (still == wanted.end()) {
        if (stays && stays(known)) continue;
        sql::Query query(store_.database(), "update finding set closed = $2 where id = $1");
        query->bind(1, known.id).bind(2, base::to_unix(now)).execute();
        continue;
      }
      const FindingRecord& today = *still->second;
      wanted.erase(still);
      if (today.severity == known.severity && today.what == known.what) continue;
      const bool is_worse = gravity(today.severity) > gravity(known.severity);
      sql::Query query(store_.database(), "update finding set severity = $2, what = $3, raised = $4 where id = $1");
      query->bind(1, known.id).bind(2, today.severity).bind(3, today.what);
      query->bind(4, unix_of(is_worse ? std::optional(now) : known.raised)).execute();
    }
    for (const auto& [key, finding] : wanted) open(store_, place, *finding, now);
  });
}

std::vector<FindingRecord> Findings::open_at(std::int64_t place) {
  sql::Query query(store_.database(),
                   fmt::format("select {} from finding where place = $1 and closed is null order by rule, certificate",
                               kFindingColumns));
  query->bind(1, place);
  return all_rows(query, [](const sql::Statement& row) { return finding_at(row, 0); });
}

void Findings::each_open(Time now, const std::function<void(const PlacedFinding&)>& row) {
  sql::Query query(store_.database(),
                   select_placed("finding.closed is null and place.gone is null order by finding.place, finding.rule, "
                                 "finding.certificate"));
  query->bind(1, base::to_unix(now));
  while (query->step()) row(placed_at(*query));
}

std::vector<PlacedFinding> Findings::open_of(std::string_view rule, Time now) {
  sql::Query query(store_.database(),
                   select_placed("finding.rule = $2 and finding.closed is null and place.gone is null order by "
                                 "finding.place"));
  query->bind(1, base::to_unix(now)).bind(2, rule);
  return all_rows(query, placed_at);
}

void Findings::each_open_then(Time when, const std::function<void(const PlacedFinding&)>& row) {
  sql::Query query(store_.database(),
                   fmt::format("select {}, {} from finding join place on place.id = finding.place where finding.id in "
                               "(select id from finding where closed is null and opened <= $1 union all "
                               "select id from finding where closed > $1 and opened <= $1) and "
                               "(place.gone is null or place.gone > $1) order by finding.place, finding.id",
                               kFindingColumns, kPlaceColumns));
  query->bind(1, base::to_unix(when));
  while (query->step())
    row({.finding = finding_at(*query, 0), .place = place_at(*query, kFindingColumnCount), .acknowledgement = {}});
}

void Findings::each_changed(Time since, Time until, Time now, const std::function<void(const PlacedFinding&)>& row) {
  sql::Query query(store_.database(),
                   select_placed("finding.id in (select id from finding where opened >= $2 and opened < $3 union "
                                 "select id from finding where closed >= $2 and closed < $3 union "
                                 "select id from finding where raised >= $2 and raised < $3) order by finding.id"));
  query->bind(1, base::to_unix(now)).bind(2, base::to_unix(since)).bind(3, base::to_unix(until));
  while (query->step()) row(placed_at(*query));
}

std::int64_t Findings::acknowledge(const AcknowledgementRecord& acknowledgement) {
  std::int64_t id = 0;
  store_.transaction([&] {
    withdraw(acknowledgement.rule, acknowledgement.place, acknowledgement.created);
    sql::Query query(store_.database(),
                     "insert into acknowledgement (rule, place, reason, actor, created, until, severity) "
                     "values ($1, $2, $3, $4, $5, $6, $7) returning id");
    query->bind(1, acknowledgement.rule)
        .bind(2, acknowledgement.place)
        .bind(3, acknowledgement.reason)
        .bind(4, acknowledgement.actor.empty() ? store_.actor() : acknowledgement.actor)
        .bind(5, base::to_unix(acknowledgement.created))
        .bind(6, base::to_unix(acknowledgement.until))
        .bind(7, acknowledgement.severity);
    query->step();
    id = query->integer(0);
    query->execute();
  });
  return id;
}

std::optional<AcknowledgementRecord> Findings::acknowledgement(const std::string& rule, std::int64_t place, Time now) {
  sql::Query query(store_.database(), fmt::format("select {} from acknowledgement where place = $2 and rule = $1 and "
                                                  "withdrawn is null and until > $3",
                                                  kAcknowledgementColumns));
  query->bind(1, rule).bind(2, place).bind(3, base::to_unix(now));
  return first_row(query, [](const sql::Statement& row) { return acknowledgement_at(row, 0); });
}

bool Findings::withdraw(const std::string& rule, std::int64_t place, Time now) {
  sql::Query query(store_.database(),
                   "update acknowledgement set withdrawn = $3 where place = $2 and rule = $1 and withdrawn is null and "
                   "until > $3");
  return query->bind(1, rule).bind(2, place).bind(3, base::to_unix(now)).execute() > 0;
}

std::vector<std::pair<AcknowledgementRecord, PlaceRecord>> Findings::acknowledgements(Time since) {
  sql::Query query(store_.database(),
                   fmt::format("select {}, {} from acknowledgement join place on place.id = acknowledgement.place "
                               "where until >= $1 and (withdrawn is null or withdrawn >= $1) order by until, "
                               "acknowledgement.id",
                               kAcknowledgementColumns, kPlaceColumns));
  query->bind(1, base::to_unix(since));
  return all_rows(query, [](const sql::Statement& row) {
    return std::pair(acknowledgement_at(row, 0), place_at(row, kAcknowledgementColumnCount));
  });
}

void Findings::close_gone(Time now) {
  sql::Query query(
      store_.database(),
      "update finding set closed = $1 where closed is null and place in (select id from place where gone = $1)");
  query->bind(1, base::to_unix(now)).execute();
}

std::int64_t Findings::prune(Time before, int limit) {
  std::int64_t went = 0;
  for (const std::string_view sql :
       {"delete from finding where id in (select id from finding where closed < $1 order by closed limit $2)",
        "delete from acknowledgement where id in (select id from acknowledgement where until < $1 order by until limit "
        "$2)"}) {
    sql::Query query(store_.database(), sql);
    went += query->bind(1, base::to_unix(before)).bind(2, limit).execute();
  }
  return went;
}

}  // namespace everseal::inventory
