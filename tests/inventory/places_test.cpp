// What looks at places leave behind: nothing where nothing changed, and each change once.
#include "inventory/places.h"

#include "inventory/audit_runs.h"
#include "inventory/certificates.h"
#include "inventory/findings.h"
#include "inventory/retention.h"
#include "inventory/support.h"
#include "sql/query.h"

#include <algorithm>

using namespace everseal;
using namespace everseal::inventory;

namespace {

constexpr base::Seconds kAnHour{3600};

struct Memory : TestState {
  Places places{store};
  Findings findings{store};

  std::vector<PlacedFinding> changed(Time since, Time until, Time now) {
    std::vector<PlacedFinding> all;
    findings.each_changed(since, until, now, [&](const PlacedFinding& one) { all.push_back(one); });
    return all;
  }

  std::int64_t rows(std::string_view table) {
    sql::Query query(store.database(), fmt::format("select count(*) from {}", table));
    query->step();
    return query->integer(0);
  }
};

Look look_at(Time at, std::vector<pki::Certificate> certificates, std::vector<FindingRecord> findings = {},
             const std::string& address = "127.0.0.1:443") {
  Look look;
  look.place.name = base::Untrusted("www.example.org:443");
  look.place.address = address;
  look.place.environment = "prod";
  look.place.source = "config";
  look.probe.at = at;
  look.probe.outcome = "complete";
  look.probe.phase = "handshake";
  look.probe.tls_version = "TLSv1.3";
  look.probe.leaf = certificates.front().fingerprint();
  look.probe.handshake = std::chrono::microseconds(700);
  look.certificates = std::move(certificates);
  look.findings = std::move(findings);
  return look;
}

Look failed_at(Time at, std::vector<FindingRecord> findings = {}) {
  Look look = look_at(at, {make_certificate({})}, std::move(findings));
  look.certificates.reset();
  look.probe.outcome = "timed_out";
  look.probe.phase = "connect";
  look.probe.leaf.reset();
  look.probe.handshake.reset();
  look.stays = [](const FindingRecord& finding) { return finding.rule != "unreachable"; };
  return look;
}

FindingRecord broken(const std::string& rule, const std::optional<pki::Fingerprint>& certificate = std::nullopt,
                     const std::string& severity = "warning") {
  FindingRecord finding;
  finding.rule = rule;
  finding.certificate = certificate;
  finding.severity = severity;
  finding.what = "it is so";
  return finding;
}

std::vector<std::string> rules(const std::vector<FindingRecord>& findings) {
  std::vector<std::string> texts;
  for (const FindingRecord& finding : findings) texts.push_back(finding.rule);
  return texts;
}

}  // namespace

TEST_CASE("a look that shows what the last one showed writes no row") {
  Memory memory;
  const auto leaf = make_certificate({});
  const auto issuer = make_certificate({.common_name = "issuer", .is_ca = true});
  const auto first = memory.places.record(look_at(kNow, {leaf, issuer}, {broken("expiring", leaf.fingerprint())}));
  for (int hour = 1; hour < 5; ++hour) {
    Look again = look_at(kNow + hour * kAnHour, {leaf, issuer}, {broken("expiring", leaf.fingerprint())});
    again.probe.handshake = std::chrono::microseconds(700 + hour);
    CHECK(memory.places.record(again) == first);
  }
  CHECK(memory.rows("probe") == 1);
  CHECK(memory.rows("sighting") == 2);
  CHECK(memory.rows("finding") == 1);
  const auto place = memory.places.find(PlaceKind::endpoint, "www.example.org:443", "127.0.0.1:443");
  REQUIRE(place);
  CHECK(place->first_look == kNow);
  CHECK(place->last_look == kNow + 4 * kAnHour);
  CHECK(place->environment == "prod");
  CHECK(place->text() == "www.example.org:443 at 127.0.0.1:443");
}

TEST_CASE("a place is called by its name, and by the address where the name does not say it") {
  const struct {
    const char* name;
    const char* address;
    const char* text;
  } rows[] = {
      {"www.example.org:443", "", "www.example.org:443"},
      {"www.example.org:443", "127.0.0.1:443", "www.example.org:443 at 127.0.0.1:443"},
      {"127.0.0.1:443", "127.0.0.1:443", "127.0.0.1:443"},
      {"127.0.0.1:443 as www.example.org", "127.0.0.1:443", "127.0.0.1:443 as www.example.org"},
      {"127.0.0.1:4433 as www.example.org", "127.0.0.1:443", "127.0.0.1:4433 as www.example.org at 127.0.0.1:443"},
      {"a.example.org:443 as b.example.org", "[::1]:443", "a.example.org:443 as b.example.org at [::1]:443"}};
  for (const auto& [name, address, text] : rows) {
    PlaceRecord place;
    place.name = base::Untrusted(name);
    place.address = address;
    CHECK(place.text() == text);
  }
}

TEST_CASE("what an endpoint shows as its own is listed, ended or with a CA's extensions, as long as it does") {
  Memory memory;
  const auto ended = make_certificate({.not_after = kNow - kDay, .common_name = "ended"});
  const auto self_signed = make_certificate({.common_name = "self-signed", .is_ca = true});
  const auto issuer = make_certificate({.common_name = "issuer", .is_ca = true});
  const auto good = make_certificate({.common_name = "good"});
  memory.places.record(look_at(kNow, {ended, issuer}));
  Look other = look_at(kNow, {self_signed});
  other.place.name = base::Untrusted("other.example.org:443");
  memory.places.record(other);
  const auto listed = [&] {
    std::vector<std::string> subjects;
    CertificateFilter filter;
    filter.now = kNow;
    Certificates(memory.store).each(filter, [&](const CertificateRecord& one) {
      subjects.push_back(one.subject.raw());
    });
    return subjects;
  };
  CHECK(listed() == std::vector<std::string>{"CN=ended", "CN=self-signed"});
  std::vector<std::string> then;
  memory.places.each_shown_then(kNow + base::Seconds(1),
                                [&](const Places::Shown& one) { then.push_back(one.certificate.subject.raw()); });
  CHECK(then == std::vector<std::string>{"CN=ended", "CN=self-signed"});

  memory.places.record(look_at(kNow + kAnHour, {good, issuer}));
  CHECK(listed() == std::vector<std::string>{"CN=self-signed", "CN=good"});
  memory.places.mark_gone_at("other.example.org:443", kNow + kAnHour, kNow + kAnHour);
  CHECK(listed() == std::vector<std::string>{"CN=good"});
}

TEST_CASE("another leaf ends the sighting of the one before and begins its own") {
  Memory memory;
  const auto old_leaf = make_certificate({.common_name = "old"});
  const auto new_leaf = make_certificate({.common_name = "new"});
  const auto issuer = make_certificate({.common_name = "issuer", .is_ca = true});
  const auto place = memory.places.record(look_at(kNow, {old_leaf, issuer}));
  memory.places.record(look_at(kNow + kAnHour, {old_leaf, issuer}));
  memory.places.record(look_at(kNow + 2 * kAnHour, {new_leaf, issuer}));

  const auto shown = memory.places.shown_at(place);
  REQUIRE(shown.size() == 2);
  CHECK(shown[0].certificate == new_leaf.fingerprint());
  CHECK(shown[0].first_seen == kNow + 2 * kAnHour);
  CHECK(shown[1].certificate == issuer.fingerprint());
  CHECK(shown[1].first_seen == kNow);
  const auto of_old = memory.places.of(old_leaf.fingerprint(), 10);
  REQUIRE(of_old.size() == 1);
  CHECK(of_old[0].second.last_seen == kNow + kAnHour);

  const auto changes = memory.places.changed_since(kNow + kAnHour);
  REQUIRE(changes.size() == 1);
  CHECK_FALSE(changes[0].is_new);
  REQUIRE(changes[0].appeared.size() == 1);
  CHECK(changes[0].appeared[0].certificate == new_leaf.fingerprint());
  REQUIRE(changes[0].vanished.size() == 1);
  CHECK(changes[0].vanished[0].certificate == old_leaf.fingerprint());
  CHECK(memory.places.changed_since(kNow + 3 * kAnHour).empty());

  // And back: a certificate that comes again is a sighting of its own.
  memory.places.record(look_at(kNow + 3 * kAnHour, {old_leaf, issuer}));
  CHECK(memory.places.of(old_leaf.fingerprint(), 10).size() == 2);
  CHECK(memory.places.probes(place, 10).size() == 3);
  CHECK(memory.places.probes(place, 10)[0].leaf == old_leaf.fingerprint());
}

TEST_CASE("an endpoint that cannot be reached keeps what was seen of it and what was found") {
  Memory memory;
  const auto leaf = make_certificate({});
  const auto place =
      memory.places.record(look_at(kNow, {leaf}, {broken("expiring", leaf.fingerprint()), broken("old-version")}));
  memory.places.record(failed_at(kNow + kAnHour, {broken("unreachable")}));
  CHECK(rules(memory.findings.open_at(place)) == std::vector<std::string>{"expiring", "old-version", "unreachable"});
  CHECK(memory.places.shown_at(place).size() == 1);
  CHECK(memory.places.probes(place, 1)[0].outcome == "timed_out");
  CHECK_FALSE(memory.places.probes(place, 1)[0].handshake);

  memory.places.record(look_at(kNow + 2 * kAnHour, {leaf}, {broken("expiring", leaf.fingerprint())}));
  CHECK(rules(memory.findings.open_at(place)) == std::vector<std::string>{"expiring"});
  CHECK(memory.findings.open_at(place)[0].opened == kNow);
}

TEST_CASE("a finding is opened and closed once, and its severity may rise meanwhile") {
  Memory memory;
  const auto leaf = make_certificate({});
  const auto place = memory.places.record(look_at(kNow, {leaf}, {broken("expiring", leaf.fingerprint())}));
  memory.places.record(look_at(kNow + kAnHour, {leaf}, {broken("expiring", leaf.fingerprint(), "critical")}));
  const auto open = memory.findings.open_at(place);
  REQUIRE(open.size() == 1);
  CHECK(open[0].severity == "critical");
  CHECK(open[0].opened == kNow);
  memory.places.record(look_at(kNow + 2 * kAnHour, {leaf}));
  CHECK(memory.findings.open_at(place).empty());
  const auto changed = memory.changed(kNow, kNow + kDay, kNow);
  REQUIRE(changed.size() == 1);
  CHECK(changed[0].finding.closed == kNow + 2 * kAnHour);
  CHECK(changed[0].place.id == place);
  CHECK(memory.changed(kNow + 3 * kAnHour, kNow + kDay, kNow).empty());
}

TEST_CASE("an acknowledgement holds for its rule at its place until its day, and can be withdrawn") {
  Memory memory;
  const auto leaf = make_certificate({});
  const auto place = memory.places.record(look_at(kNow, {leaf}, {broken("self-signed"), broken("weak-key")}));
  AcknowledgementRecord known;
  known.rule = "self-signed";
  known.place = place;
  known.reason = "lab";
  known.created = kNow;
  known.until = kNow + 30 * kDay;
  const auto acknowledged = [&](Time now) {
    std::vector<std::string> texts;
    memory.findings.each_open(now, [&](const PlacedFinding& placed) {
      if (placed.acknowledgement) texts.push_back(placed.finding.rule + ": " + placed.acknowledgement->reason);
    });
    return texts;
  };
  memory.findings.acknowledge(known);
  CHECK(acknowledged(kNow) == std::vector<std::string>{"self-signed: lab"});
  CHECK(acknowledged(known.until - base::Seconds{1}) == std::vector<std::string>{"self-signed: lab"});
  CHECK(acknowledged(known.until).empty());
  // A second one takes the place of the first.
  known.reason = "still the lab";
  memory.findings.acknowledge(known);
  CHECK(acknowledged(kNow) == std::vector<std::string>{"self-signed: still the lab"});
  CHECK(memory.findings.withdraw("self-signed", place, kNow + kAnHour));
  CHECK_FALSE(memory.findings.withdraw("self-signed", place, kNow + kAnHour));
  CHECK(acknowledged(kNow + kAnHour).empty());
  CHECK(memory.findings.acknowledgements(kNow).size() == 2);
}

TEST_CASE("an acknowledgement holds for what is no graver than it was then") {
  struct Row {
    const char* known;
    const char* now;
    bool holds;
  };
  const Row rows[] = {{"warning", "notice", true},    {"warning", "warning", true}, {"warning", "error", false},
                      {"warning", "critical", false}, {"critical", "error", true},  {"error", "critical", false}};
  for (const Row& row : rows) {
    CAPTURE(row.known);
    CAPTURE(row.now);
    Memory memory;
    const auto leaf = make_certificate({});
    const auto place = memory.places.record(look_at(kNow, {leaf}, {broken("expiring", std::nullopt, row.known)}));
    AcknowledgementRecord known;
    known.rule = "expiring";
    known.place = place;
    known.severity = row.known;
    known.created = kNow;
    known.until = kNow + 30 * kDay;
    memory.findings.acknowledge(known);
    const Time later = kNow + kAnHour;
    memory.places.record(look_at(later, {leaf}, {broken("expiring", std::nullopt, row.now)}));
    const auto open = memory.findings.open_at(place);
    REQUIRE(open.size() == 1);
    const bool is_graver = gravity(row.now) > gravity(row.known);
    CHECK(open[0].raised == (is_graver ? std::optional(later) : std::nullopt));
    CHECK(open[0].opened == kNow);
    const auto changed = memory.changed(later, later + kAnHour, later);
    CHECK(changed.size() == (is_graver ? 1U : 0U));
    int covered = 0;
    memory.findings.each_open(later, [&](const PlacedFinding& placed) { covered += placed.acknowledgement ? 1 : 0; });
    CHECK(covered == (row.holds ? 1 : 0));
    CHECK(memory.findings.acknowledgement("expiring", place, later)->severity == row.known);
  }
}

TEST_CASE("a place that its source names no more is gone until a look finds it again") {
  Memory memory;
  const auto leaf = make_certificate({});
  memory.places.record(look_at(kNow, {leaf}, {broken("self-signed")}));
  memory.places.record(look_at(kNow, {leaf}, {}, "127.0.0.2:443"));
  memory.places.record(look_at(kNow + kDay, {leaf}, {}, "127.0.0.2:443"));
  CHECK(memory.places.mark_gone("arguments", kNow + kDay, kNow + kDay) == 0);
  CHECK(memory.places.mark_gone("config", kNow + kDay, kNow + kDay) == 1);
  int open = 0;
  memory.findings.each_open(kNow + kDay, [&](const PlacedFinding&) { ++open; });
  CHECK(open == 0);
  const auto gone = memory.places.gone_since(kNow + kDay);
  REQUIRE(gone.size() == 1);
  CHECK(gone[0].address == "127.0.0.1:443");
  CHECK(memory.places.of(leaf.fingerprint(), 20).front().first.address == "127.0.0.2:443");
  int places = 0;
  memory.places.each({.environment = "prod", .kind = PlaceKind::endpoint}, [&](const PlaceState& state) {
    ++places;
    REQUIRE(state.probe);
    CHECK(state.probe->leaf == leaf.fingerprint());
  });
  CHECK(places == 1);
  Look other = look_at(kNow, {make_certificate({.common_name = "lab"})}, {}, "127.0.0.3:443");
  other.place.environment = "lab";
  memory.places.record(other);
  CHECK(memory.places.environments() == std::set<std::string>{"lab", "prod"});
  std::vector<std::string> seen;
  const auto add = [&](const CertificateRecord& record) { seen.push_back(record.subject.raw()); };
  Certificates(memory.store).each({.environment = "lab"}, add);
  CHECK(seen == std::vector<std::string>{"CN=lab"});
  memory.places.record(look_at(kNow + 2 * kDay, {leaf}));
  CHECK(memory.places.gone_since(kNow).empty());
}

TEST_CASE("what is open where a place went is closed, and a name that led nowhere keeps its addresses") {
  Memory memory;
  const auto leaf = make_certificate({});
  const auto place = memory.places.record(look_at(kNow, {leaf}, {broken("self-signed")}));
  const Time later = kNow + kDay;
  CHECK(memory.places.mark_gone("config", later, later) == 1);
  memory.places.keep("www.example.org:443", later);
  memory.findings.close_gone(later);
  CHECK(memory.places.gone_since(kNow).empty());
  CHECK(rules(memory.findings.open_at(place)) == std::vector<std::string>{"self-signed"});

  CHECK(memory.places.mark_gone("config", later, later) == 1);
  memory.findings.close_gone(later);
  CHECK(memory.places.gone_since(kNow).size() == 1);
  CHECK(memory.findings.open_at(place).empty());
  // Of what went before nothing comes back.
  memory.places.keep("www.example.org:443", later + kAnHour);
  CHECK(memory.places.gone_since(kNow).size() == 1);
}

TEST_CASE("an address that an endpoint's name leads to no more is gone, those of other names stay") {
  Memory memory;
  const auto leaf = make_certificate({});
  memory.places.record(look_at(kNow, {leaf}));
  memory.places.record(look_at(kNow + kDay, {leaf}, {}, "127.0.0.2:443"));
  Look other = look_at(kNow, {leaf});
  other.place.name = base::Untrusted("mail.example.org:25");
  memory.places.record(other);
  CHECK(memory.places.mark_gone_at("www.example.org:443", kNow + kDay, kNow + kDay) == 1);
  const auto gone = memory.places.gone_since(kNow + kDay);
  REQUIRE(gone.size() == 1);
  CHECK(gone[0].text() == "www.example.org:443 at 127.0.0.1:443");
}

TEST_CASE("hours add up") {
  Memory memory;
  const auto place = memory.places.record(look_at(kNow, {make_certificate({})}));
  using std::chrono::microseconds;
  const ProbeHour first{kNow, 10, 1, 9, microseconds(9000), microseconds(1500)};
  const ProbeHour second{kNow, 2, 0, 2, microseconds(4000), microseconds(3000)};
  memory.places.add_hours(std::vector{std::pair(place, first)});
  memory.places.add_hours(std::vector{std::pair(place, second)});
  const auto hours = memory.places.hours(place, kNow);
  REQUIRE(hours.size() == 1);
  CHECK(hours[0].looks == 12);
  CHECK(hours[0].failures == 1);
  CHECK(hours[0].handshake_sum == microseconds(13000));
  CHECK(hours[0].handshake_max == microseconds(3000));
}

TEST_CASE("what the audit saw is kept for its time, and what a place shows now as long as it does") {
  Memory memory;
  const auto old_leaf = make_certificate({.not_after = kNow + 10 * kDay, .common_name = "old"});
  const auto new_leaf = make_certificate({.common_name = "new"});
  const auto place = memory.places.record(look_at(kNow, {old_leaf}, {broken("expiring", old_leaf.fingerprint())}));
  memory.places.add_hours(std::vector{std::pair(place, ProbeHour{.hour = kNow, .looks = 1})});
  memory.places.record(look_at(kNow + kAnHour, {new_leaf}));
  const auto remains = [&](std::int64_t days) {
    prune(memory.store, kNow + days * kDay);
    return std::vector<std::int64_t>{memory.rows("probe"), memory.rows("probe_hour"), memory.rows("sighting"),
                                     memory.rows("finding"), memory.rows("certificate")};
  };
  CHECK(remains(29) == std::vector<std::int64_t>{2, 1, 2, 1, 2});
  CHECK(remains(31) == std::vector<std::int64_t>{1, 1, 2, 1, 2});
  CHECK(remains(401) == std::vector<std::int64_t>{1, 0, 2, 1, 2});
  CHECK(remains(3 * 366 + 1) == std::vector<std::int64_t>{1, 0, 1, 0, 2});
  CHECK(remains(3 * 366 + 2) == std::vector<std::int64_t>{1, 0, 1, 0, 1});
  CHECK(memory.places.shown_at(place)[0].certificate == new_leaf.fingerprint());
  memory.places.mark_gone("config", kNow + kDay, kNow + kDay);
  CHECK(remains(2 * 3 * 366) == std::vector<std::int64_t>{0, 0, 0, 0, 1});
  CHECK(memory.rows("place") == 0);
}

TEST_CASE("an audit that was killed is told from one that was complete") {
  Memory memory;
  AuditRuns runs(memory.store);
  AuditRunRecord run;
  run.scope = "ab";
  run.what = "2 endpoints";
  run.started = kNow;
  run.policy = "intermediate";
  run.policy_hash = "aa";
  run.by_environment = {{"prod", "modern 6.0", "bb"}};
  run.id = runs.begin(run);
  CHECK_FALSE(runs.last("ab")->ended);
  CHECK(runs.newest(kNow)->what == "2 endpoints");
  CHECK_FALSE(runs.newest(kNow - base::Seconds{1}));  // that clock was ahead
  CHECK_FALSE(runs.last("ab", run.id));
  CHECK_FALSE(runs.last("cd"));
  run.ended = kNow + kAnHour;
  run.complete = true;
  run.looked = 2;
  run.failed = 1;
  runs.end(run);
  const auto last = runs.last("ab");
  REQUIRE(last);
  CHECK(last->complete);
  CHECK(last->policy == "intermediate");
  CHECK(last->policy_hash == "aa");
  CHECK(last->by_environment == run.by_environment);
  CHECK(last->looked == 2);
  CHECK(runs.between(kNow, kNow + kAnHour).size() == 1);
  CHECK(runs.between(kNow + kAnHour, kNow + kDay).empty());
}
