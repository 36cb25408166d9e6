#include "inventory/places.h"

#include "inventory/below.h"
#include "inventory/certificate_rows.h"
#include "inventory/certificates.h"
#include "inventory/finding_rows.h"
#include "inventory/findings.h"
#include "inventory/place_rows.h"
#include "inventory/rows.h"

#include <map>

namespace everseal::inventory {
namespace {

using std::chrono::microseconds;

constexpr std::string_view kProbeColumns =
    "select probe.at, probe.outcome, probe.phase, probe.problem, probe.tls_version, probe.cipher, probe.tls_group, "
    "probe.alpn, probe.client_certificate, probe.leaf, probe.handshake_us";

ProbeRecord probe_at(const sql::Statement& row, int column) {
  return {.at = time_at(row, column),
          .outcome = text_at(row, column + 1),
          .phase = text_at(row, column + 2),
          .problem = text_at(row, column + 3),
          .tls_version = text_at(row, column + 4),
          .cipher = text_at(row, column + 5),
          .group = text_at(row, column + 6),
          .alpn = untrusted_at(row, column + 7),
          .client_certificate = text_at(row, column + 8),
          .leaf = optional_at(row, column + 9, fingerprint_at),
          .handshake = optional_at(
              row, column + 10, [](const sql::Statement& at, int index) { return microseconds(at.integer(index)); })};
}

SightingRecord sighting_at(const sql::Statement& row, int column) {
  return {.place = row.integer(column),
          .position = int_at(row, column + 1),
          .certificate = fingerprint_at(row, column + 2),
          .first_seen = time_at(row, column + 3),
          .last_seen = optional_at(row, column + 4, time_at)};
}
constexpr std::string_view kSightingColumns =
    "sighting.place, sighting.position, sighting.certificate, sighting.first_seen, sighting.last_seen";

// Fields that hold anything, each behind its length.
class Fields {
 public:
  Fields& add(std::string_view text) {
    bytes_ += fmt::format("{}:", text.size());
    bytes_ += text;
    return *this;
  }
  Fields& add(const pki::Fingerprint& fingerprint) { return add(base::as_text(fingerprint.octets)); }
  pki::Sha256 digest() const { return pki::sha256(base::as_bytes(bytes_)); }

 private:
  std::string bytes_;
};

// Of what a look showed that is worth a row of its own when it changes: not how long it took.
pki::Sha256 shown_by(const Look& look) {
  const ProbeRecord& probe = look.probe;
  Fields fields;
  fields.add(probe.outcome).add(probe.phase).add(probe.problem).add(probe.tls_version).add(probe.cipher);
  fields.add(probe.group).add(probe.alpn.raw()).add(probe.client_certificate);
  if (look.certificates)
    for (const pki::Certificate& certificate : *look.certificates) fields.add(certificate.fingerprint());
  return fields.digest();
}

pki::Sha256 judged_by(const Look& look) {
  Fields fields;
  fields.add(look.certificates ? "seen" : "unknown").add(look.stays_by);
  for (const FindingRecord& finding : look.findings) {
    fields.add(finding.rule).add(finding.severity).add(finding.what);
    fields.add(finding.certificate ? finding.certificate->text() : std::string());
  }
  return fields.digest();
}

// The leaf of the last look, where that was looked at to the end and no other stood beside it for days: a look that was
// cut short may have missed one.
constexpr std::string_view kAlone =
    "(select probe.leaf from probe where probe.id = place.probe and probe.outcome = 'complete' and place.gone is null "
    "and not exists (select 1 from sighting join certificate on certificate.fingerprint = sighting.certificate where "
    "sighting.place = place.id and sighting.position > 0 and certificate.is_ca = 0 and (sighting.last_seen is null or "
    "sighting.last_seen >= place.last_look - 172800)))";

// A row for each finding that is open there.
std::optional<KnownPlace> find_known(Store& store, PlaceKind kind, const std::string& name,
                                     const std::string& address) {
  static const std::string kSql = fmt::format(
      "select {}, {}, place.shown, place.judged, place.further_look, {} from place left join finding on "
      "finding.place = place.id and finding.closed is null where place.kind = $1 and place.name = $2 and "
      "place.address = $3 order by finding.rule, finding.certificate",
      kPlaceColumns, kFindingColumns, kAlone);
  sql::Query query(store.database(), kSql);
  query->bind(1, to_string(kind)).bind(2, base::as_bytes(name)).bind(3, address);
  std::optional<KnownPlace> known;
  constexpr int kRest = kPlaceColumnCount + kFindingColumnCount;
  while (query->step()) {
    if (!known)
      known = KnownPlace{.place = place_at(*query, 0),
                         .shown = bytes_at(*query, kRest),
                         .judged = bytes_at(*query, kRest + 1),
                         .further_look = optional_at(*query, kRest + 2, time_at),
                         .alone = optional_at(*query, kRest + 3, fingerprint_at),
                         .open = {}};
    if (!query->is_null(kPlaceColumnCount)) known->open.push_back(finding_at(*query, kPlaceColumnCount));
  }
  return known;
}

std::int64_t insert_place(Store& store, const PlaceRecord& place, Time at) {
  sql::Query query(store.database(),
                   "insert into place (kind, name, address, environment, team, labels, source, first_look, last_look, "
                   "shown, judged) values ($1, $2, $3, $4, $5, $6, $7, $8, $8, x'', x'') returning id");
  query->bind(1, to_string(place.kind))
      .bind(2, base::as_bytes(place.name.raw()))
      .bind(3, place.address)
      .bind(4, place.environment)
      .bind(5, place.team)
      .bind(6, place.labels)
      .bind(7, place.source)
      .bind(8, base::to_unix(at));
  query->step();
  const std::int64_t id = query->integer(0);
  query->execute();
  return id;
}

void touch(Store& store, std::int64_t id, const Look& look) {
  sql::Query query(store.database(), look.is_further
                                         ? "update place set last_look = $2, further_look = $2 where id = $1"
                                         : "update place set last_look = $2 where id = $1");
  query->bind(1, id).bind(2, base::to_unix(look.probe.at)).execute();
}

void describe_place(Store& store, std::int64_t id, const PlaceRecord& place) {
  sql::Query query(store.database(),
                   "update place set environment = $2, team = $3, labels = $4, source = $5, gone = null where id = $1");
  query->bind(1, id).bind(2, place.environment).bind(3, place.team).bind(4, place.labels).bind(5, place.source);
  query->execute();
}

bool is_described_as(const PlaceRecord& known, const PlaceRecord& place) {
  return !known.gone && known.environment == place.environment && known.team == place.team &&
         known.labels == place.labels && known.source == place.source;
}

void insert_probe(Store& store, std::int64_t place, const ProbeRecord& probe, const pki::Sha256& shown) {
  sql::Query query(store.database(),
                   "insert into probe (place, at, outcome, phase, problem, tls_version, cipher, tls_group, alpn, "
                   "client_certificate, leaf, handshake_us) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) "
                   "returning id");
  query->bind(1, place)
      .bind(2, base::to_unix(probe.at))
      .bind(3, probe.outcome)
      .bind(4, probe.phase)
      .bind(5, probe.problem)
      .bind(6, probe.tls_version)
      .bind(7, probe.cipher)
      .bind(8, probe.group)
      .bind(9, base::as_bytes(probe.alpn.raw()))
      .bind(10, probe.client_certificate);
  probe.leaf ? query->bind(11, base::BytesView(probe.leaf->octets)) : query->bind_null(11);
  probe.handshake ? query->bind(12, std::int64_t{probe.handshake->count()}) : query->bind_null(12);
  query->step();
  const std::int64_t id = query->integer(0);
  query->execute();
  sql::Query newest(store.database(), "update place set probe = $2, shown = $3 where id = $1");
  newest->bind(1, place).bind(2, id).bind(3, base::BytesView(shown)).execute();
}

void show(Store& store, std::int64_t place, const std::vector<pki::Certificate>& certificates, Time before, Time at) {
  std::map<std::pair<int, pki::Fingerprint>, bool> shown;
  for (std::size_t i = 0; i < certificates.size(); ++i)
    shown.emplace(std::pair(static_cast<int>(i), certificates[i].fingerprint()), false);
  for (const SightingRecord& known : Places(store).shown_at(place)) {
    const auto still = shown.find({known.position, known.certificate});
    if (still != shown.end()) {
      still->second = true;
      continue;
    }
    sql::Query query(store.database(),
                     "update sighting set last_seen = $4 where place = $1 and position = $2 and "
                     "certificate = $3 and last_seen is null");
    query->bind(1, place).bind(2, known.position).bind(3, base::BytesView(known.certificate.octets));
    query->bind(4, base::to_unix(before)).execute();
  }
  Certificates(store).add(certificates, at);
  for (const auto& [key, is_known] : shown) {
    if (is_known) continue;
    sql::Query query(store.database(),
                     "insert into sighting (place, position, certificate, first_seen) values ($1, $2, $3, $4) "
                     "on conflict (place, position, certificate, first_seen) do update set last_seen = null");
    query->bind(1, place).bind(2, key.first).bind(3, base::BytesView(key.second.octets));
    query->bind(4, base::to_unix(at)).execute();
  }
}

}  // namespace

std::int64_t Places::record(const Look& look) {
  std::int64_t id = 0;
  store_.transaction([&] {
    const Time at = look.probe.at;
    const PlaceRecord& place = look.place;
    const auto known = look.known ? look.known : find_known(store_, place.kind, place.name.raw(), place.address);
    id = known ? known->place.id : insert_place(store_, look.place, at);
    const pki::Sha256 shown = shown_by(look);
    const pki::Sha256 judged = judged_by(look);
    if (!known || !std::ranges::equal(known->shown, shown)) {
      insert_probe(store_, id, look.probe, shown);
      if (look.certificates) show(store_, id, *look.certificates, known ? known->place.last_look : at, at);
    }
    if (!known || !std::ranges::equal(known->judged, judged)) {
      Findings(store_).replace(id, look.findings, look.stays, at);
      sql::Query query(store_.database(), "update place set judged = $2 where id = $1");
      query->bind(1, id).bind(2, base::BytesView(judged)).execute();
    }
    if (known && !is_described_as(known->place, look.place)) describe_place(store_, id, look.place);
    if (known || look.is_further) touch(store_, id, look);
  });
  return id;
}

void Places::add_hours(std::span<const std::pair<std::int64_t, ProbeHour>> hours) {
  store_.transaction([&] {
    for (const auto& [place, hour] : hours) {
      sql::Query query(store_.database(),
                       "insert into probe_hour (hour, place, looks, failures, handshakes, handshake_sum_us, "
                       "handshake_max_us) values ($1, $2, $3, $4, $5, $6, $7) on conflict (hour, place) do update set "
                       "looks = looks + $3, failures = failures + $4, handshakes = handshakes + $5, "
                       "handshake_sum_us = handshake_sum_us + $6, "
                       "handshake_max_us = case when handshake_max_us < $7 then $7 else handshake_max_us end");
      query->bind(1, base::to_unix(hour.hour)).bind(2, place).bind(3, hour.looks).bind(4, hour.failures);
      query->bind(5, hour.handshakes).bind(6, std::int64_t{hour.handshake_sum.count()});
      query->bind(7, std::int64_t{hour.handshake_max.count()}).execute();
    }
  });
}

std::int64_t Places::mark_gone(std::string_view source, Time started, Time now) {
  sql::Query query(store_.database(),
                   "update place set gone = $3 where source = $1 and gone is null and last_look < $2");
  return query->bind(1, source).bind(2, base::to_unix(started)).bind(3, base::to_unix(now)).execute();
}

std::int64_t Places::mark_gone_at(const std::string& endpoint, Time started, Time now) {
  sql::Query query(store_.database(),
                   "update place set gone = $3 where kind = 'endpoint' and name = $1 and gone is null and "
                   "last_look < $2");
  query->bind(1, base::as_bytes(endpoint)).bind(2, base::to_unix(started)).bind(3, base::to_unix(now));
  return query->execute();
}

void Places::keep(const std::string& endpoint, Time now) {
  sql::Query query(store_.database(),
                   "update place set gone = null where kind = 'endpoint' and name = $1 and gone = $2");
  query->bind(1, base::as_bytes(endpoint)).bind(2, base::to_unix(now)).execute();
}

void Places::mark_gone(std::int64_t place, Time now) {
  sql::Query query(store_.database(), "update place set gone = $2 where id = $1 and gone is null");
  query->bind(1, place).bind(2, base::to_unix(now)).execute();
}

std::vector<PlaceRecord> Places::files_unreached(const std::string& root, Time started) {
  const auto [folder, behind] = below(root);
  sql::Query query(store_.database(),
                   fmt::format("select {} from place where kind = 'file' and name >= $1 and name < $2 and gone is null "
                               "and last_look < $3",
                               kPlaceColumns));
  query->bind(1, base::as_bytes(root)).bind(2, base::as_bytes(behind)).bind(3, base::to_unix(started));
  std::vector<PlaceRecord> places;
  while (query->step())
    if (PlaceRecord place = place_at(*query, 0); place.name.raw() == root || place.name.raw().starts_with(folder))
      places.push_back(std::move(place));
  return places;
}

std::optional<PlaceRecord> Places::find(PlaceKind kind, const std::string& name, const std::string& address) {
  auto known = find_known(store_, kind, name, address);
  if (!known) return std::nullopt;
  return std::move(known->place);
}

std::optional<KnownPlace> Places::known(PlaceKind kind, const std::string& name, const std::string& address) {
  return find_known(store_, kind, name, address);
}

std::vector<PlaceRecord> Places::named(const std::string& name) {
  std::vector<PlaceRecord> places;
  for (const PlaceKind kind : {PlaceKind::endpoint, PlaceKind::file, PlaceKind::name}) {
    sql::Query query(store_.database(),
                     fmt::format("select {} from place where kind = $1 and name = $2 order by address", kPlaceColumns));
    query->bind(1, to_string(kind)).bind(2, base::as_bytes(name));
    std::ranges::move(all_rows(query, [](const sql::Statement& row) { return place_at(row, 0); }),
                      std::back_inserter(places));
  }
  return places;
}

// From one to the next by the index, however many places each has.
std::set<std::string> Places::environments() {
  std::set<std::string> names;
  std::string last;
  for (;;) {
    sql::Query query(store_.database(),
                     "select environment from place where environment > $1 order by environment limit 1");
    query->bind(1, last);
    if (!query->step()) return names;
    last = query->text(0);
    names.insert(last);
  }
}

void Places::each(const PlaceFilter& filter, const std::function<void(const PlaceState&)>& row) {
  std::string sql = fmt::format("{}, {} from place left join probe on probe.id = place.probe where 1 = 1",
                                kProbeColumns, kPlaceColumns);
  if (!filter.environment.empty()) sql += " and environment = $1";
  if (!filter.team.empty()) sql += " and team = $2";
  if (filter.kind) sql += " and kind = $3";
  if (!filter.gone) sql += " and gone is null";
  sql += " order by place.id";
  sql::Query query(store_.database(), sql);
  if (!filter.environment.empty()) query->bind(1, filter.environment);
  if (!filter.team.empty()) query->bind(2, filter.team);
  if (filter.kind) query->bind(3, to_string(*filter.kind));
  constexpr int kProbeColumnCount = 11;
  while (query->step()) {
    PlaceState state{.place = place_at(*query, kProbeColumnCount), .probe = std::nullopt};
    if (!query->is_null(0)) state.probe = probe_at(*query, 0);
    row(state);
  }
}

std::vector<std::pair<PlaceRecord, SightingRecord>> Places::of(const pki::Fingerprint& certificate, int limit) {
  sql::Query query(store_.database(),
                   fmt::format("select {}, {} from sighting join place on place.id = sighting.place "
                               "where sighting.certificate = $1 order by sighting.last_seen is not null or "
                               "place.gone is not null, sighting.last_seen desc, place.id limit $2",
                               kPlaceColumns, kSightingColumns));
  query->bind(1, base::BytesView(certificate.octets)).bind(2, limit);
  return all_rows(query, [](const sql::Statement& row) {
    return std::pair(place_at(row, 0), sighting_at(row, kPlaceColumnCount));
  });
}

std::vector<SightingRecord> Places::shown_at(std::int64_t place) {
  sql::Query query(store_.database(),
                   fmt::format("select {} from sighting where place = $1 and last_seen is null order by position",
                               kSightingColumns));
  query->bind(1, place);
  return all_rows(query, [](const sql::Statement& row) { return sighting_at(row, 0); });
}

std::vector<SightingRecord> Places::seen_since(std::int64_t place, Time since) {
  sql::Query query(store_.database(),
                   fmt::format("select {} from sighting where place = $1 and (last_seen is null or last_seen >= $2) "
                               "order by position, certificate, first_seen",
                               kSightingColumns));
  query->bind(1, place).bind(2, base::to_unix(since));
  return all_rows(query, [](const sql::Statement& row) { return sighting_at(row, 0); });
}

std::vector<SightingRecord> Places::shown_then(std::int64_t place, Time when) {
  // Of each position what came last, and was there still at the last change. SQLite and PostgreSQL both take the row of
  // the maximum from a subquery alone.
  sql::Query query(
      store_.database(),
      fmt::format("select {} from sighting where place = $1 and first_seen = (select max(other.first_seen) "
                  "from sighting other where other.place = sighting.place and "
                  "other.position = sighting.position and other.first_seen < $2) and (last_seen is null or not exists "
                  "(select 1 from probe where probe.place = sighting.place and probe.at > sighting.last_seen and "
                  "probe.at < $2)) order by position",
                  kSightingColumns));
  query->bind(1, place).bind(2, base::to_unix(when));
  return all_rows(query, [](const sql::Statement& row) { return sighting_at(row, 0); });
}

void Places::each_shown_then(Time when, const std::function<void(const Shown&)>& row) {
  // One that ended before `when` stood until the look that showed another in its place.
  sql::Query query(
      store_.database(),
      fmt::format("select {}, {}, {} from sighting join place on place.id = sighting.place join certificate on "
                  "certificate.fingerprint = sighting.certificate where sighting.first_seen <= $1 and "
                  "(sighting.last_seen is null or sighting.last_seen >= $1 or (select min(later.first_seen) from "
                  "sighting later where later.place = sighting.place and later.first_seen > sighting.last_seen) > $1) "
                  "and (place.gone is null or place.gone > $1) and case place.kind when 'file' then "
                  "certificate.is_ca = 0 else sighting.position = 0 end order by certificate.not_after, "
                  "sighting.certificate, place.id",
                  kCertificateColumns, kPlaceColumns, kSightingColumns));
  query->bind(1, base::to_unix(when));
  constexpr int kPlace = kCertificateColumnCount;
  while (query->step())
    row({certificate_at(*query, 0), place_at(*query, kPlace), sighting_at(*query, kPlace + kPlaceColumnCount)});
}

std::vector<ProbeRecord> Places::probes(std::int64_t place, int limit) {
  sql::Query query(store_.database(),
                   fmt::format("{} from probe where place = $1 order by at desc, id desc limit $2", kProbeColumns));
  query->bind(1, place).bind(2, limit);
  return all_rows(query, [](const sql::Statement& row) { return probe_at(row, 0); });
}

std::vector<ProbeHour> Places::hours(std::int64_t place, Time since) {
  sql::Query query(store_.database(),
                   "select hour, looks, failures, handshakes, handshake_sum_us, handshake_max_us from probe_hour "
                   "where place = $1 and hour >= $2 order by hour");
  query->bind(1, place).bind(2, base::to_unix(since));
  return all_rows(query, [](const sql::Statement& row) {
    return ProbeHour{.hour = time_at(row, 0),
                     .looks = row.integer(1),
                     .failures = row.integer(2),
                     .handshakes = row.integer(3),
                     .handshake_sum = microseconds(row.integer(4)),
                     .handshake_max = microseconds(row.integer(5))};
  });
}

std::vector<PlaceChange> Places::changed_since(Time since) {
  std::map<std::int64_t, PlaceChange> changes;
  const auto change_of = [&](PlaceRecord place) -> PlaceChange& {
    const std::int64_t id = place.id;
    return changes.try_emplace(id, PlaceChange{.place = std::move(place)}).first->second;
  };
  sql::Query found(store_.database(), fmt::format("select {} from place where first_look >= $1", kPlaceColumns));
  found->bind(1, base::to_unix(since));
  while (found->step()) change_of(place_at(*found, 0)).is_new = true;
  // The certificates of CAs above a leaf follow from it; in a file each counts.
  const auto sightings = [&](std::string_view when, std::vector<SightingRecord> PlaceChange::*list) {
    sql::Query query(store_.database(),
                     fmt::format("select {}, {} from sighting join place on place.id = sighting.place "
                                 "where sighting.{} >= $1 and (sighting.position = 0 or place.kind = 'file' or exists "
                                 "(select 1 from certificate where certificate.fingerprint = sighting.certificate and "
                                 "certificate.is_ca = 0))",
                                 kPlaceColumns, kSightingColumns, when));
    query->bind(1, base::to_unix(since));
    while (query->step()) (change_of(place_at(*query, 0)).*list).push_back(sighting_at(*query, kPlaceColumnCount));
  };
  sightings("first_seen", &PlaceChange::appeared);
  sightings("last_seen", &PlaceChange::vanished);
  std::vector<PlaceChange> list;
  for (auto& [id, change] : changes) list.push_back(std::move(change));
  return list;
}

std::vector<PlaceRecord> Places::gone_since(Time since) {
  sql::Query query(store_.database(),
                   fmt::format("select {} from place where gone >= $1 order by gone", kPlaceColumns));
  query->bind(1, base::to_unix(since));
  return all_rows(query, [](const sql::Statement& row) { return place_at(row, 0); });
}

std::int64_t Places::prune(Time probes_before, Time hours_before, Time rest_before, int limit) {
  std::int64_t went = 0;
  const auto take_away = [&](std::string_view sql, Time before) {
    sql::Query query(store_.database(), sql);
    went += query->bind(1, base::to_unix(before)).bind(2, limit).execute();
  };
  store_.transaction([&] {
    // A place's newest probe says what is there now, however old it is.
    take_away(
        "delete from probe where id in (select probe.id from probe join place on place.id = probe.place "
        "where probe.at < $1 and probe.id is not place.probe order by probe.at limit $2)",
        probes_before);
    take_away(
        "delete from probe_hour where (hour, place) in "
        "(select hour, place from probe_hour where hour < $1 order by hour limit $2)",
        hours_before);
    take_away(
        "delete from sighting where (place, position, certificate, first_seen) in (select place, position, "
        "certificate, first_seen from sighting where last_seen < $1 order by last_seen limit $2)",
        rest_before);
    constexpr std::string_view kGone = "(select id from place where gone < $1 order by gone limit $2)";
    for (const std::string_view table : {"sighting", "finding", "acknowledgement", "probe", "probe_hour"})
      take_away(fmt::format("delete from {} where place in {}", table, kGone), rest_before);
    take_away(fmt::format("delete from place where id in {}", kGone), rest_before);
  });
  return went;
}

}  // namespace everseal::inventory
