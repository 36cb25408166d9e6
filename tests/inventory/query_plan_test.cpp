// Runs every verb of the inventory and asks SQLite how it would find the rows of each statement that they used.
#include "inventory/accounts.h"
#include "inventory/audit_runs.h"
#include "inventory/authorities.h"
#include "inventory/certificates.h"
#include "inventory/events.h"
#include "inventory/files.h"
#include "inventory/findings.h"
#include "inventory/managed.h"
#include "inventory/merge.h"
#include "inventory/orders.h"
#include "inventory/places.h"
#include "inventory/retention.h"
#include "inventory/subjects.h"
#include "inventory/support.h"
#include "sql/query.h"

#include <set>
#include <string>

using namespace everseal;
using namespace everseal::inventory;

namespace {

// Passes everything on and writes down what was prepared.
class RecordingDatabase : public sql::Database {
 public:
  RecordingDatabase(std::unique_ptr<sql::Database> database, std::set<std::string>& texts)
      : database_(std::move(database)), texts_(texts) {}
  sql::Statement& prepare(std::string_view sql) override {
    texts_.emplace(sql);
    return database_->prepare(sql);
  }
  void execute(std::string_view script) override { database_->execute(script); }
  bool has_table(std::string_view name) override { return database_->has_table(name); }
  void transaction(const std::function<void()>& work, sql::Durability durability) override {
    database_->transaction(work, durability);
  }
  void change_schema(const std::function<void()>& work) override { database_->change_schema(work); }
  void watch_schema(std::function<void()> changed) override { database_->watch_schema(std::move(changed)); }
  void snapshot(const std::function<void()>& work) override { database_->snapshot(work); }
  void hold_room(std::int64_t octets) override { database_->hold_room(octets); }
  void copy_to(const std::string& path) override { database_->copy_to(path); }
  base::FileDescriptor copy_in_memory() override { return database_->copy_in_memory(); }
  void check_integrity() override { database_->check_integrity(); }

 private:
  std::unique_ptr<sql::Database> database_;
  std::set<std::string>& texts_;
};

std::string plan_of(sql::Database& database, const std::string& text) {
  std::string plan;
  sql::Query query(database, "explain query plan " + text);
  while (query->step()) plan += std::string(query->text(3)) + "\n";
  return plan;
}

void use_certificates(Store& store) {
  Certificates certificates(store);
  const auto certificate = add_certificate(store, {});
  certificates.find(certificate.fingerprint());
  certificates.der(certificate.fingerprint());
  certificates.find_by_serial("4f");
  certificates.find_by_prefix(certificate.fingerprint().text());
  certificates.each_managed_then(kNow, [](const CertificateRecord&) {});
  certificates.set_revoked(certificate.fingerprint(), kNow, pki::RevocationReason::superseded);
  // Every combination of conditions.
  for (unsigned bits = 0; bits < 256; ++bits) {
    CertificateFilter filter;
    if (bits & 1) filter.expires_before = kNow + kDay;
    if (bits & 2) filter.now = kNow;
    if (bits & 4) filter.environment = "prod";
    if (bits & 8) filter.issuer = "internal";
    if (bits & 16) filter.managed_only = true;
    if (bits & 32) filter.all = true;
    if (bits & 64) filter.name = bits & 128 ? ".example.org" : "www.example.org";
    certificates.each(filter, [](const CertificateRecord&) {});
    filter.limit = 10;
    certificates.each(filter, [](const CertificateRecord&) {});
  }
}

void use_audit(Store& store) {
  Places places(store);
  Findings findings(store);
  Look look;
  look.place.name = base::Untrusted("www.example.org:443");
  look.place.source = "config";
  look.probe.at = kNow;
  look.certificates = std::vector{make_certificate({.common_name = "first"})};
  look.findings.resize(1);
  look.findings[0].rule = "expiring";
  const std::int64_t id = places.record(look);
  look.certificates = std::vector{make_certificate({.common_name = "second"})};
  look.findings[0].severity = "critical";
  places.record(look);
  look.findings.clear();
  look.place.team = "web";
  places.record(look);
  places.add_hours(std::vector{std::pair(id, ProbeHour{.hour = kNow})});
  places.mark_gone("config", kNow, kNow);
  places.mark_gone_at("www.example.org:443", kNow, kNow);
  places.mark_gone(id, kNow);
  places.files_unreached("/etc", kNow);
  places.known(PlaceKind::endpoint, "www.example.org:443", "");
  places.named("www.example.org:443");
  for (unsigned bits = 0; bits < 16; ++bits) {
    PlaceFilter filter;
    if (bits & 1) filter.environment = "prod";
    if (bits & 2) filter.team = "web";
    if (bits & 4) filter.kind = PlaceKind::file;
    filter.gone = (bits & 8) != 0;
    places.each(filter, [](const PlaceState&) {});
  }
  places.of(look.certificates->front().fingerprint(), 10);
  places.environments();
  places.shown_at(id);
  places.shown_then(id, kNow);
  places.probes(id, 10);
  places.hours(id, kNow);
  places.changed_since(kNow);
  places.gone_since(kNow);
  findings.each_open(kNow, [](const PlacedFinding&) {});
  findings.each_open_then(kNow, [](const PlacedFinding&) {});
  findings.open_of("expiring", kNow);
  places.each_shown_then(kNow, [](const Places::Shown&) {});
  findings.each_changed(kNow, kNow + kDay, kNow, [](const PlacedFinding&) {});
  AcknowledgementRecord known;
  known.rule = "expiring";
  known.place = id;
  known.until = kNow + kDay;
  findings.acknowledge(known);
  findings.acknowledgements(kNow);
  findings.acknowledgement(known.rule, id, kNow);
  AuditRuns runs(store);
  AuditRunRecord run;
  run.id = runs.begin(run);
  runs.end(run);
  runs.last("");
  runs.newest(kNow);
  runs.between(kNow, kNow + kDay);
}

void use_files(Store& store) {
  Files files(store);
  files.put(std::vector{FileRecord{.path = "/etc/a.pem"}});
  files.each_below("/etc", 0, [](const Files::Known&) {});
  files.holds("/etc/a.pem");
  files.forget(std::vector<std::string>{"/etc/a.pem"});
}

void use_managed(Store& store) {
  Managed managed(store);
  ManagedRecord record;
  record.name = named("www");
  managed.replace_all(std::vector{record}, kNow);
  managed.find(record.name);
  managed.set_pinned(record.name, 1);
  managed.orphans(9);
  managed.count_orphans();
  Subjects(store).skip_wait(certificate_subject(record.name), kNow);
  Versions versions(store);
  VersionRecord version;
  version.name = record.name;
  version.number = versions.next_number(record.name);
  version.certificate = add_certificate(store, {}).fingerprint();
  versions.put(version);
  versions.of(record.name);
  versions.find(record.name, 1);
  versions.live(record.name);
  versions.by_certificate(*version.certificate);
  versions.set_live(record.name, 1);
  versions.ended(record.name, kNow, 9);
  version.number = versions.next_number(record.name);
  version.certificate.reset();
  versions.put(version);
  versions.discard(record.name, std::vector{1});
  Deployments deployments(store);
  deployments.put({.owner = record.name, .target = record.name});
  deployments.of(ArtifactKind::version, record.name);
  deployments.find(ArtifactKind::version, record.name, record.name);
  deployments.count_failed();
  deployments.failed(9);
  deployments.remove(ArtifactKind::version, record.name, record.name);
  deployments.add_former_place({.owner = record.name, .target = record.name});
  deployments.former_places(ArtifactKind::version, record.name);
  deployments.remove_former_place(1);
  Intents intents(store);
  intents.done(intents.add({.subject = record.name}), kNow);
  intents.open_for(record.name);
  Attempts attempts(store);
  attempts.put({.step = "s", .subject = "x", .target = "t"});
  attempts.of("x");
  attempts.find("s", "x", "t");
  attempts.clear("s", "x", "t");
  attempts.clear_all("x");
  attempts.count();
  attempts.for_operator(9);
  attempts.waiting(9);
  managed.remove(record.name);
}

void use_subjects(Store& store) {
  Subjects subjects(store);
  const SubjectId www = certificate_subject(named("www"));
  subjects.wake(www, kNow);
  subjects.look_again(www);
  for (const DueSubject& due : subjects.due(www.kind, kNow)) subjects.due(www.kind, kNow, due, 1);
  subjects.next_due();
  subjects.rest(www, std::nullopt);
  subjects.forget(www);
}

void use_authorities(Store& store) {
  Authorities authorities(store);
  const Name corp = named("corp");
  authorities.put({.name = corp, .settings = "{}"});
  authorities.find(corp);
  authorities.put_certificate({.authority = corp});
  authorities.certificates(corp);
  authorities.add_issued({.authority = corp, .serial = "4f"});
  authorities.has_serial(corp, "4f");
  authorities.find_issued_by_serial("4f");
  authorities.revoke(corp, "4f", kNow, pki::RevocationReason::superseded);
  authorities.revoked(corp, 1, kNow);
  authorities.put_crl({.authority = corp, .number = 1});
  authorities.newest_crl(corp, 1);
  authorities.mark_crl_dirty(corp, kNow);
}

void use_acme(Store& store) {
  const Name www = named("www");
  const auto certificate = add_certificate(store, {}).fingerprint();
  Managed(store).put({.name = www});
  Versions(store).put({.name = www, .number = 1, .issuer = www, .certificate = certificate});
  Orders(store).put({.name = www, .version = 1, .issuer = www});
  Orders(store).find(www, 1);
  RenewalInfos(store).put({.certificate = certificate});
  RenewalInfos(store).find(certificate);
  Accounts accounts(store);
  accounts.put({.issuer = www, .directory = "x"});
  accounts.find(www, "x");
  accounts.all();
  accounts.remove(www, "x");
}

void use_merge(Store& store) {
  Replacement outcome;
  merge_database(store, store.database(), outcome);
  CHECK(outcome.problems.empty());
}

void use_events(Store& store) {
  Events events(store);
  events.add("a.b", "x", {}, kNow);
  events.each({.subject = "x", .limit = -1}, [](const EventRecord&) {});
  events.each({.subject = "x", .limit = 3}, [](const EventRecord&) {});
  events.each({.subject = "", .limit = 3}, [](const EventRecord&) {});
  events.each_between(kNow, kNow + kDay, [](const EventRecord&) {});
  events.newest_time();
  events.heads();
  events.verify();
  prune(store, kNow + 9 * kRemembered);
  store.setting("x");
  store.set_setting("x", "y");
}

// Statements whose purpose is the whole table, in the order of an index.
bool wants_everything(const std::string& text) {
  static const std::set<std::string> texts{
      "select name, spec_hash, origin, orphaned from managed order by name",
      // The few accounts, authorities and failures that stand, and what a restore takes over from the database that it
      // replaces.
      "select count(*) from attempt",
      "select step, subject, target, count, problem, fault, needs_operator, not_before, last from attempt where "
      "needs_operator = 0 order by subject, step, target limit $1",
      "select step, subject, target, count, problem, fault, needs_operator, not_before, last from attempt where "
      "needs_operator = 1 order by subject, step limit $1",
      // By an index of nothing else.
      "select count(*) from managed where orphaned = 1",
      "select name, spec, spec_hash, origin, environment, key_owner, orphaned, pinned from managed where orphaned = 1 "
      "order by name limit $1",
      "select name, settings, crl_dirty from authority order by name",
      "select name, settings from authority",
      "select authority, role, generation, state, fingerprint, der, key_file from authority_certificate",
      "select issuer, directory, url, folder, contact, status, created from account order by issuer, directory",
      "select authority, generation, serial, fingerprint, not_after, revoked_at, reason from issued",
      "select fingerprint, revoked_at, revocation_reason from certificate where revoked_at is not null",
      "select authority, generation, number, this_update, next_update, der from crl as newest where number = "
      "(select max(number) from crl where authority = newest.authority and generation = newest.generation)",
      "select name, max(number) from version group by name",
      "select fingerprint, first_seen, der from certificate order by id",
      "select id, kind, subject, created, version from intent",
      "select id, kind, subject, created, version, reason, csr, done_at, actor, revoke, delete_keys, outcome from "
      "intent order by id",
  };
  return texts.contains(text);
}

// Scans that end before the table does, or never begin.
bool stops_early(const std::string& step, const std::string& text) {
  const auto has = [&](std::string_view part) { return step.find(part) != std::string::npos; };
  // One row a managed name.
  if (has("USING INDEX certificate_managed")) return text.find(" order by managed") != std::string::npos;
  // In order of expiry until the caller has enough: a listing without conditions.
  if (has("SCAN certificate USING INDEX certificate_")) return text.find(" order by not_after") != std::string::npos;
  if (has("SCAN subject USING COVERING INDEX subject_due")) return text.ends_with("limit 1");
  if (has("SCAN event")) return text.find("desc limit") != std::string::npos;
  if (has("SCAN audit_run USING INDEX audit_run_started")) return text.find("desc limit") != std::string::npos;
  if (has("SCAN intent")) return text.find("order by id limit") != std::string::npos;
  // All places, and all that is open: as many rows as the audit shows.
  if (has("SCAN place")) return text.find("from place left join probe") != std::string::npos;
  if (has("SCAN finding")) return text.find("where finding.closed is null and place.gone is null") != std::string::npos;
  // For deferred foreign keys that a new parent may satisfy; there are none, and SQLite skips it.
  return has("SCAN certificate_name") && text.starts_with("insert into certificate ");
}

}  // namespace

TEST_CASE("every query is served by an index") {
  TestState test;
  std::set<std::string> texts;
  {
    Store store = Store::over(test.path, std::make_unique<RecordingDatabase>(
                                             sql::open(test.path + "/everseal.db", sql::Access::read_write), texts));
    use_certificates(store);
    use_managed(store);
    use_subjects(store);
    use_authorities(store);
    use_acme(store);
    use_merge(store);
    use_files(store);
    use_events(store);
    use_audit(store);
  }
  CHECK(texts.size() > 100);
  for (const auto& text : texts) {
    CAPTURE(text);
    const std::string plan = plan_of(test.store.database(), text);
    CAPTURE(plan);
    for (const auto& step : base::split(plan, '\n')) {
      if (step.find("SCAN") == std::string::npos || step.find("SCAN CONSTANT ROW") != std::string::npos) continue;
      if (step.find("SCAN newest") != std::string::npos || step.find("SCAN (subquery") != std::string::npos) continue;
      CHECK_MESSAGE((wants_everything(text) || stops_early(step, text)), step);
    }
  }
}

TEST_CASE("a listing is never sorted: rows come from an index in the order of expiry") {
  TestState test;
  std::set<std::string> texts;
  Store store = Store::over(test.path, std::make_unique<RecordingDatabase>(
                                           sql::open(test.path + "/everseal.db", sql::Access::read_write), texts));
  const std::vector<std::pair<CertificateFilter, std::string>> listings{
      {{.expires_before = kNow, .now = kNow}, "certificate_not_after"},
      {{.now = kNow}, "certificate_not_after"},
      {{.managed_only = true}, "certificate_live"},
      {{.expires_before = kNow, .now = kNow, .managed_only = true}, "certificate_live"},
      {{.expires_before = kNow, .issuer = "internal"}, "certificate_issuer_name"},
      {{.issuer = "internal"}, "certificate_issuer_name"},
  };
  for (const auto& [filter, index] : listings) {
    texts.clear();
    Certificates(store).each(filter, [](const CertificateRecord&) {});
    REQUIRE(texts.size() == 1);
    const std::string plan = plan_of(test.store.database(), *texts.begin());
    CAPTURE(*texts.begin());
    CAPTURE(plan);
    CHECK((plan.find("USING INDEX " + index + " ") != std::string::npos ||
           plan.find("USING INDEX " + index + "\n") != std::string::npos));
    CHECK(plan.find("TEMP B-TREE") == std::string::npos);
  }
}
