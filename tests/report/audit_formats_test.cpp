// Formats that others read: each is read as they do.
#include "../skip.h"
#include "base/text.h"
#include "report/audit_sample.h"
#include "report/said_by.h"

#include <map>
#include <set>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

using namespace everseal;
using namespace everseal::report;
using nlohmann::json;

namespace {

// RFC 4180.
std::vector<std::vector<std::string>> read_csv(std::string_view text) {
  std::vector<std::vector<std::string>> rows(1, {""});
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '"' && text.substr(i + 1).starts_with('"'))
      rows.back().back() += text[++i];
    else if (c == '"')
      quoted = !quoted;
    else if (!quoted && c == ',')
      rows.back().emplace_back();
    else if (!quoted && text.substr(i).starts_with("\r\n"))
      ++i, rows.push_back({""});
    else
      rows.back().back() += c;
  }
  rows.pop_back();
  return rows;
}

std::map<std::string, std::string> csv_row(const AuditedPlace& place) {
  const auto rows = read_csv(reported("csv", {place}).text);
  REQUIRE(rows.size() == 2);
  REQUIRE(rows[0].size() == rows[1].size());
  std::map<std::string, std::string> row;
  for (std::size_t i = 0; i < rows[0].size(); ++i) row[rows[0][i]] = rows[1][i];
  return row;
}

// "name{labels} value" -> value.
std::map<std::string, std::string> samples_of(const std::string& text) {
  std::map<std::string, std::string> samples;
  for (const std::string& line : base::split(text, '\n')) {
    if (line.empty() || line.starts_with('#')) continue;
    const auto blank = line.rfind(' ');
    CHECK_MESSAGE(samples.emplace(line.substr(0, blank), line.substr(blank + 1)).second, line);
  }
  return samples;
}

}  // namespace

TEST_CASE("CSV has a row a place, and an empty cell for what is not known") {
  const auto places = audit_places();
  CHECK(read_csv(reported("csv", places).text).size() == places.size() + 1);
  auto fine = csv_row(places[0]);
  CHECK(fine["place"] == "www.example.org:443");
  CHECK(fine["days_left"] == "63");
  CHECK(fine["severity"] == "notice");
  CHECK(fine["handshake_us"] == "12345");
  CHECK(fine["certificates"] == "2");
  CHECK(fine["labels"] == "rack=r1");
  auto expired = csv_row(places[2]);
  CHECK(expired["days_left"] == "-3");
  CHECK(expired["rules"] == "expired name-mismatch");
  auto silent = csv_row(places[3]);
  CHECK(silent["not_after"].empty());
  CHECK(silent["days_left"].empty());
  CHECK(silent["handshake_us"].empty());
  CHECK(silent["outcome"] == "timed_out");
  auto known = csv_row(places[4]);
  CHECK(known["rules"].empty());
  CHECK(known["known"] == "expiring");
}

TEST_CASE("CSV has what a survey told in columns of its own, empty where nobody asked") {
  auto deep = csv_row(surveyed_place());
  CHECK(deep["versions"] == "TLSv1.3 TLSv1.2");
  CHECK(deep["ciphers"] == "TLS_AES_256_GCM_SHA384 ECDHE-ECDSA-AES128-GCM-SHA256");
  CHECK(deep["groups"] == "X25519 P-256");
  CHECK(deep["server_order"] == "yes");
  CHECK(deep["post_quantum"] == "no");
  CHECK(deep["large_hello"] == "");
  CHECK(deep["strict_transport"] == "max-age=<b>\\x1b");
  for (const char* const column : {"versions", "ciphers", "resumes", "strict_transport"})
    CHECK(csv_row(audit_places()[0])[column] == "");
}

TEST_CASE("no cell of CSV is a formula, whatever a certificate is called") {
  const struct {
    const char* name;
    const char* cell;
  } cases[] = {{"=1+1", "'=1+1"}, {"+1", "'+1"},     {"-1", "'-1"},    {"@SUM(A1)", "'@SUM(A1)"}, {"a=1", "a=1"},
               {"\t=1", "\\t=1"}, {"\r=1", "\\r=1"}, {"\"=1", "\"=1"}, {"a,b\"c", "a,b\"c"},      {"", ""}};
  for (const auto& one : cases) {
    CAPTURE(one.name);
    inventory::CertificateRecord certificate = audit_certificate("a", kDay);
    certificate.names = base::Untrusted(one.name);
    CHECK(csv_row(audit_place("a:443", "", {certificate}))["names"] == one.cell);
    CHECK(csv_row(audit_place(one.name, "", {}))["place"] == one.cell);
  }
}

TEST_CASE("CSV tells how many names it left out of a cell") {
  inventory::CertificateRecord certificate = audit_certificate("a", kDay);
  std::string names = "n0";
  for (int i = 1; i < 10'000; ++i) names += ", n" + std::to_string(i);
  certificate.names = base::Untrusted(names);
  const std::string cell = csv_row(audit_place("a:443", "", {certificate}))["names"];
  CHECK(cell.ends_with(" n99 and 9900 more"));
}

TEST_CASE("Prometheus gets no sample for what is not known") {
  const auto places = audit_places();
  const auto samples = samples_of(reported("prometheus", places).text);
  const std::string silent = "{place=\"db.example.org:5432\",address=\"\",environment=\"\",team=\"\"}";
  CHECK(samples.at("everseal_probe_success" + silent) == "0");
  CHECK(!samples.contains("everseal_leaf_not_after_timestamp_seconds" + silent));
  CHECK(!samples.contains("everseal_chain_earliest_not_after_timestamp_seconds" + silent));
  const std::string fine =
      "place=\"www.example.org:443\",address=\"10.0.0.1:443\",environment=\"prod\",team=\"web\",label_rack=\"r1\"";
  CHECK(samples.at("everseal_leaf_not_after_timestamp_seconds{" + fine + "}") == "1801468800");
  CHECK(samples.at("everseal_probe_phase_duration_seconds{" + fine + ",phase=\"handshake\"}") == "0.012345");
  CHECK(!samples.contains("everseal_probe_phase_duration_seconds{" + fine + ",phase=\"starttls\"}"));
  CHECK(samples.at("everseal_audit_findings{severity=\"critical\"}") == "1");
  CHECK(samples.at("everseal_audit_places{state=\"failed\"}") == "1");
}

TEST_CASE("a place's labels are labels of its samples, whatever they are called") {
  AuditedPlace place = audit_place("a:443", "", {});
  place.place.labels = R"({"rack-no":"r\"1","rack no":"2","env":"x"})";
  CHECK(reported("prometheus", {place})
            .text.find("everseal_probe_success{place=\"a:443\",address=\"\",environment=\"\",team=\"\",label_env=\"x\","
                       "label_rack_no=\"2\"} "
                       "1\n") != std::string::npos);
}

TEST_CASE("Prometheus gets a series once, wherever a certificate stands and however often") {
  const auto certificate = audit_certificate("a", kDay);
  const AuditedPlace place = audit_place("a:443", "", {certificate, certificate});
  const std::string text = reported("prometheus", {place, place}).text;
  const auto samples = samples_of(text);  // checks that none stands twice
  CHECK(std::ranges::count_if(samples, [](const auto& one) {
          return one.first.starts_with("everseal_certificate_not_after_timestamp_seconds{");
        }) == 1);
}

TEST_CASE("the samples of a Prometheus family stand together behind their help and type") {
  std::set<std::string> seen;
  std::string family;
  for (const std::string& line : base::split(reported("prometheus", audit_places()).text, '\n')) {
    if (line.starts_with("# HELP ")) {
      family = base::split(line, ' ')[2];
      CHECK_MESSAGE(seen.insert(family).second, family);
    } else if (line.starts_with("# TYPE ")) {
      CHECK(base::split(line, ' ')[2] == family);
    } else if (!line.empty()) {
      CHECK_MESSAGE(line.substr(0, line.find_first_of("{ ")) == family, line);
    }
  }
  CHECK(seen.size() == 17);
}

TEST_CASE("promtool accepts the Prometheus text") {
  std::vector<AuditedPlace> places = audit_places();
  places.push_back(audit_place("a\"b\\c\nd:443", "", {audit_certificate("x\"y\\z\n", kDay)}));
  const auto said = said_by("promtool", "check metrics", reported("prometheus", places).text);
  if (!said) return skip_test("promtool is not installed (Debian: prometheus)");
  CHECK(*said == "");
}

TEST_CASE("Nagios gets one line, and the exit code that its words mean") {
  const auto places = audit_places();
  AuditSummary stopped = audit_summary({});
  stopped.not_looked = 2;
  AuditSummary in_part = audit_summary({places[0]});
  in_part.is_whole = false;
  const struct {
    std::vector<AuditedPlace> places;
    std::optional<AuditSummary> summary;
    int code;
    const char* begins;
  } cases[] = {
      {{places[0]}, {}, 0, "EVERSEAL OK - 1 place looked at | "},
      {{places[4]}, {}, 0, "EVERSEAL OK - 1 place looked at, 1 known | "},
      {{places[0], places[1]},
       {},
       1,
       "EVERSEAL WARNING - 2 places looked at, 1 warning; shop.example.org:443 at 10.0.0.2:443: the certificate of "
       "shop.example.org ends in 9 days | "},
      {{places[3]},
       {},
       2,
       "EVERSEAL CRITICAL - 1 place looked at, 1 failed; db.example.org:5432: no answer within 5 s | "},
      {places,
       {},
       2,
       "EVERSEAL CRITICAL - 6 places looked at, 1 critical, 1 error, 1 warning, 1 failed, "
       "1 known; old.example.org:443 at 10.0.0.3:443: the certificate of older.example.org ended "},
      {{}, {}, 3, "EVERSEAL UNKNOWN - 0 places looked at | "},
      {{places[0]}, in_part, 3, "EVERSEAL UNKNOWN - 1 place looked at | "},
      {{}, stopped, 3, "EVERSEAL UNKNOWN - 0 places looked at, 2 not looked at | "},
  };
  for (const auto& one : cases) {
    CAPTURE(one.begins);
    const Reported got = reported("nagios", one.places, one.summary.value_or(audit_summary(one.places)));
    CHECK(got.exit_code == one.code);
    CHECK_MESSAGE(got.text.starts_with(one.begins), got.text);
    CHECK(got.text.find('\n') == got.text.size() - 1);
    CHECK(std::ranges::count(got.text, '|') == 1);
  }
}

TEST_CASE("Nagios' performance data are numbers with units, and none for what is not known") {
  const auto places = audit_places();
  const std::string all = reported("nagios", places).text;
  CHECK(all.substr(all.find('|') + 1) ==
        " places=6;;;0 failed=1;;;0 critical=1;;;0 error=1;;;0 warning=1;;;0 notice=1;;;0 left=-259200s;;; "
        "handshake=0.012345s;;;0 time=7s;;;0\n");
  const std::string silent = reported("nagios", {places[3]}).text;
  CHECK(silent.find("left=") == std::string::npos);
  CHECK(silent.find("handshake=") == std::string::npos);
}

TEST_CASE("Nagios is told where there is no report") {
  for (const AuditKind* const kind : audit_kinds()) {
    CAPTURE(kind->name);
    std::string out;
    const auto sink = kind->open({.write = [&](std::string_view text) { out += text; }});
    const auto code = sink->fail("everseal.toml:3: no such key | \"x\"");
    CHECK(code == (kind->name == "nagios" ? std::optional(3) : std::nullopt));
    CHECK(out == (kind->name == "nagios" ? "EVERSEAL UNKNOWN - everseal.toml:3: no such key / \"x\"\n" : ""));
  }
}

TEST_CASE("SARIF has the rules, a result a finding, and suppresses what is known") {
  const auto places = audit_places();
  const json run = json::parse(reported("sarif", places).text)["runs"][0];
  const json& rules = run["tool"]["driver"]["rules"];
  CHECK(rules.size() == 6);
  for (const json& rule : rules) {
    CHECK(!rule["help"]["text"].get<std::string>().empty());
    CHECK(std::set<std::string>{"note", "warning", "error"}.contains(rule["defaultConfiguration"]["level"]));
  }
  std::set<std::string> fingerprints;
  for (const json& result : run["results"]) {
    CHECK(rules[result["ruleIndex"].get<std::size_t>()]["id"] == result["ruleId"]);
    CHECK(!result["message"]["text"].get<std::string>().empty());
    CHECK(result["locations"].size() == 1);
    CHECK(fingerprints.insert(result["partialFingerprints"]["everseal/v1"]).second);
  }
  CHECK(run["results"].size() == 6);
  CHECK(run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] ==
        "tls://www.example.org:443");
  CHECK(run["results"][0]["suppressions"] == json::array());
  const json& known = run["results"][5];
  CHECK(known["suppressions"][0]["justification"] == "goes away with the lab (alice, until 2026-12-30T08:00:00Z)");
  CHECK(run["invocations"][0]["exitCode"] == 3);
  CHECK(run["invocations"][0]["executionSuccessful"] == true);
}

TEST_CASE("a SARIF result keeps its fingerprint over a renewal where its rule is about the place") {
  const auto fingerprint_of = [](const std::string& rule, base::Seconds left) {
    AuditedPlace place = audit_place("a:443", "", {audit_certificate("a", left)});
    place.findings.push_back(audit_finding(rule, "error", "w"));
    place.findings.back().finding.certificate = place.certificates.front().fingerprint;
    const json run = json::parse(reported("sarif", {place}).text)["runs"][0];
    return run["results"][0]["partialFingerprints"]["everseal/v1"].get<std::string>();
  };
  CHECK(fingerprint_of("name-mismatch", kDay) == fingerprint_of("name-mismatch", 90 * kDay));
  CHECK(fingerprint_of("expiring", kDay) != fingerprint_of("expiring", 90 * kDay));
  CHECK(fingerprint_of("expiring", kDay) == fingerprint_of("expiring", kDay));
}

TEST_CASE("SARIF's locations are URIs, whatever a place is called") {
  AuditedPlace place = audit_place("/srv/a b\n\xff%=.pem", "", {});
  place.place.kind = inventory::PlaceKind::file;
  place.findings.push_back(audit_finding("expired", "critical", "w"));
  const json run = json::parse(reported("sarif", {place}).text)["runs"][0];
  CHECK(run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] ==
        "file:///srv/a%20b%0A%FF%25%3D.pem");
}

TEST_CASE("JUnit tells failures, errors, what is known and what passes apart") {
  const std::string text = reported("junit", audit_places()).text;
  const char* const parts[] = {
      "<testsuite name=\"www.example.org:443 at 10.0.0.1:443\" id=\"0\" package=\"everseal.audit\" "
      "timestamp=\"2026-11-30T08:00:00\" hostname=\"watch-1\" tests=\"1\" failures=\"0\" errors=\"0\" skipped=\"0\"",
      "<system-out>notice no-post-quantum: it takes no X25519MLKEM768\n</system-out>",  // below --fail-on
      "<system-out>warning expiring: the certificate of shop.example.org ends in 9 days\n</system-out>",
      "tests=\"2\" failures=\"2\" errors=\"0\"",
      "name=\"expired\" time=\"0\"><failure type=\"critical\" message=\"the certificate of older.example.org ended",
      "name=\"timed-out\" time=\"0\"><error type=\"error\" message=\"no answer within 5 s\">",
      "<skipped message=\"known until 2026-12-30T08:00:00Z: goes away with the lab (alice)\"/>",
      "name=\"no-finding\" time=\"0\"/>",
  };
  for (const char* const part : parts) CHECK_MESSAGE(text.find(part) != std::string::npos, part, "\n", text);
}

TEST_CASE("JUnit keeps to the schema that its readers have in common") {
  std::vector<AuditedPlace> places = audit_places();
  places.push_back(audit_place("<a&b>\"']]>\x01:443", "", {}));
  const auto judged = [](const std::string& text) {
    return said_by("xmllint", "--noout --schema '" EVERSEAL_SOURCE_DIR "/tests/data/junit.xsd' -", text);
  };
  const std::string text = reported("junit", places).text;
  const auto said = judged(text);
  if (!said) return skip_test("xmllint is not installed (Debian: libxml2-utils)");
  CHECK(*said == "- validates\n");
  CHECK(*judged(reported("junit", {}).text) == "- validates\n");
  const std::pair<const char*, const char*> wrong[] = {
      {" time=\"0\"/>", "/>"}, {"hostname=\"watch-1\"", "hostname=\"\""}, {"08:00:00\"", "08:00:00Z\""}};
  for (const auto& [right, instead] : wrong) {
    CAPTURE(instead);
    std::string broken = text;
    REQUIRE(broken.find(right) != std::string::npos);
    broken.replace(broken.find(right), std::string_view(right).size(), instead);
    CHECK(*judged(broken) != "- validates\n");
  }
}

TEST_CASE("SARIF keeps to what the standard demands of what is used of it") {
  std::vector<AuditedPlace> places = audit_places();
  places.push_back(audit_place("/srv/a b\n\xff%=.pem", "", {}));
  places.back().place.kind = inventory::PlaceKind::file;
  places.back().findings.push_back(audit_finding("expired", "critical", "w"));
  const auto judged = [](const std::string& text) {
    return said_by("python3",
                   "-W ignore -m jsonschema -i /dev/stdin '" EVERSEAL_SOURCE_DIR "/tests/data/sarif.schema.json'",
                   text);
  };
  if (said_by("python3", "-c 'import jsonschema'", "").value_or("no") != "")
    return skip_test("jsonschema is not installed (Debian: python3-jsonschema)");
  const json sarif = json::parse(reported("sarif", places).text);
  CHECK(*judged(sarif.dump()) == "");
  CHECK(*judged(reported("sarif", {}).text) == "");
  const std::pair<const char*, json> wrong[] = {{"/version", "2.0.0"},
                                                {"/runs/0/results/0/level", "notice"},
                                                {"/runs/0/results/0/unknown", 1},
                                                {"/runs/0/invocations/0/executionSuccessful", "yes"},
                                                {"/runs/0/tool/driver/name", nullptr}};
  for (const auto& [at, instead] : wrong) {
    CAPTURE(at);
    json broken = sarif;
    broken[json::json_pointer(at)] = instead;
    CHECK(*judged(broken.dump()) != "");
  }
}

namespace {

// What `--format prometheus` tells of these with names of other exporters.
std::string borrowed(const std::vector<AuditedPlace>& places, std::vector<std::string> exporters) {
  AuditHead head = audit_head();
  head.compat = std::move(exporters);
  std::string text;
  const auto sink = require_audit_kind("prometheus").open({.write = [&](std::string_view part) { text += part; }});
  sink->begin(head);
  for (const AuditedPlace& place : places) sink->place(place);
  sink->end(audit_summary(places));
  return text;
}

}  // namespace

TEST_CASE("names of other exporters stand beside ours where that is asked for") {
  std::vector<AuditedPlace> places = audit_places();
  places.push_back(audit_place("/etc/tls/www.pem", "", {audit_certificate("www.example.org", -kDay)}));
  places.back().place.kind = inventory::PlaceKind::file;
  places.back().certificates.front().serial = "010000000000000000";
  const std::string fine =
      "place=\"www.example.org:443\",address=\"10.0.0.1:443\",environment=\"prod\",team=\"web\",label_rack=\"r1\"";
  const std::string file = "place=\"/etc/tls/www.pem\",address=\"\",environment=\"\",team=\"\"";
  const std::string silent = "place=\"db.example.org:5432\",address=\"\",environment=\"\",team=\"\"";
  const std::string end = std::to_string(base::to_unix(places[0].certificates[0].not_after));
  const auto leaf = places[0].certificates[0];

  auto all = samples_of(borrowed(places, {"blackbox"}));
  CHECK(all.at("probe_success{" + fine + "}") == "1");
  CHECK(all.at("probe_success{" + silent + "}") == "0");
  CHECK(
      all.at(
          "probe_success{place=\"old.example.org:443\",address=\"10.0.0.3:443\",environment=\"staging\",team=\"\"}") ==
      "0");  // it shook hands, and no client would have gone on
  CHECK(all.at("probe_duration_seconds{" + fine + "}") == "0.015645");
  CHECK(all.at("probe_dns_lookup_time_seconds{" + fine + "}") == "0.0008");
  CHECK(all.at("probe_ssl_earliest_cert_expiry{" + fine + "}") == end);
  CHECK(all.at("probe_ssl_last_chain_expiry_timestamp_seconds{" + fine + "}") == end);
  CHECK(all.at("probe_tls_version_info{" + fine + ",version=\"TLS 1.3\"}") == "1");
  CHECK(all.at("probe_tls_cipher_info{" + fine + ",cipher=\"TLS_AES_256_GCM_SHA384\"}") == "1");
  CHECK(all.at("probe_ssl_last_chain_info{" + fine + ",fingerprint_sha256=\"" + leaf.fingerprint.text() +
               "\",subject=\"CN=www.example.org\",issuer=\"CN=R11, O=Let's Encrypt, C=US\",subjectalternative=\"www."
               "example.org\",serialnumber=\"" +
               leaf.serial + "\"}") == "1");
  for (const char* const none : {"probe_ssl_earliest_cert_expiry{", "probe_duration_seconds{"})
    CHECK(!all.contains(none + silent + "}"));
  CHECK(!all.contains("x509_cert_error{" + file + ",filename=\"www.pem\",filepath=\"/etc/tls/www.pem\"}"));

  all = samples_of(borrowed(places, {"x509-exporter", "cert-manager"}));
  const std::string stored = file + ",filename=\"www.pem\",filepath=\"/etc/tls/www.pem\"";
  const std::string certificate =
      stored + ",serial_number=\"18446744073709551616\",subject_CN=\"www.example.org\",issuer_CN=\"R11\"";
  CHECK(all.at("x509_cert_error{" + stored + "}") == "0");
  CHECK(all.at("x509_cert_expired{" + certificate + "}") == "1");
  CHECK(all.contains("x509_cert_not_after{" + certificate + "}"));
  CHECK(all.contains("x509_cert_not_before{" + certificate + "}"));
  CHECK(all.at("certmanager_certificate_expiration_timestamp_seconds{" + fine + ",name=\"www\"}") == end);
  CHECK(!all.contains("probe_success{" + fine + "}"));

  CHECK(borrowed(places, {}) == reported("prometheus", places).text);
  const auto said =
      said_by("promtool", "check metrics", borrowed(places, {"blackbox", "cert-manager", "x509-exporter"}));
  if (!said) return skip_test("promtool is not installed (Debian: prometheus)");
  // Its advice on names is not for names that are others'.
  CHECK_MESSAGE(said->find("error while linting") == std::string::npos, *said);
}
