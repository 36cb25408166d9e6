// What every format of an audit keeps.
#include "base/encoding.h"
#include "base/error.h"
#include "base/text.h"
#include "report/audit_sample.h"

#include <map>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

using namespace everseal;
using namespace everseal::report;
using nlohmann::json;

namespace {

// What breaks a line, a terminal, a script, a cell, a C string and the order of letters; broken UTF-8; a format's
// marks.
const std::string kHostile =
    std::string("a\r\nb\x1b[2J</script><!--]]>&amp;\"'|=1+1") + '\0' + "\u202e\xff\x9b\u2028\\,\t{}";

std::vector<AuditedPlace> hostile_places() {
  inventory::CertificateRecord certificate = audit_certificate("x", 9 * kDay);
  certificate.subject = base::Untrusted("CN=" + kHostile + ", O=" + kHostile);
  certificate.issuer = certificate.subject;
  std::string names = kHostile;
  for (int i = 0; i < 10'000; ++i) names += ", host-" + std::to_string(i) + ".example.org";
  certificate.names = base::Untrusted(names);
  AuditedPlace endpoint = audit_place(kHostile + ":443", kHostile, {certificate, certificate});
  endpoint.place.environment = endpoint.place.team = endpoint.place.source = kHostile;
  endpoint.place.labels = json{{"k", json::parse(json("\x1b\r\n</script>").dump())}}.dump();
  endpoint.probe.problem = base::printable(kHostile);
  endpoint.probe.alpn = base::Untrusted(kHostile);
  endpoint.findings.push_back(audit_finding("expiring", "warning", base::printable(kHostile)));
  endpoint.findings.push_back(audit_finding("of-a-newer-version", "notice", base::printable(kHostile)));
  endpoint.findings.push_back(audit_finding("name-mismatch", "error", base::printable(kHostile)));
  endpoint.findings.back().acknowledgement = inventory::AcknowledgementRecord{
      .rule = "name-mismatch", .reason = kHostile, .actor = kHostile, .created = kAuditNow, .until = kAuditNow + kDay};
  AuditedPlace file = endpoint;
  file.place.kind = inventory::PlaceKind::file;
  file.place.address.clear();
  for (const std::string start : {"=1+1", "+1", "-1", "@SUM(A1)"}) {
    endpoint.place.name = base::Untrusted(start);
    file.certificates.push_back(audit_certificate(start, kDay));
  }
  return {endpoint, file, unreachable_place()};
}

AuditSummary hostile_summary() {
  AuditSummary summary = audit_summary({});
  summary.remarks = {base::printable(kHostile)};
  return summary;
}

std::string harm_in(std::string_view text) {
  if (!base::is_utf8(text)) return "broken UTF-8";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const bool is_line_end = c == '\n' || (c == '\r' && i + 1 < text.size() && text[i + 1] == '\n');
    if ((c < 0x20 && !is_line_end) || c == 0x7f || (c == 0xc2 && static_cast<unsigned char>(text[i + 1]) < 0xa0))
      return "control character " + std::to_string(c);
  }
  for (const char* const mark : {"\u202e", "\u2028", "a\nb", "a\r\nb"})
    if (text.find(mark) != std::string_view::npos) return "raw text";
  return {};
}

}  // namespace

TEST_CASE("text of strangers is harmless in every format of an audit") {
  const auto places = hostile_places();
  for (const AuditKind* const kind : audit_kinds()) {
    CAPTURE(kind->name);
    CHECK(harm_in(reported(kind->name, places, hostile_summary(), 80).text) == "");
    CHECK(harm_in(reported(kind->name, places, hostile_summary()).text) == "");
  }
}

TEST_CASE("every format of an audit reports every place, also where none was looked at") {
  const auto places = audit_places();
  for (const AuditKind* const kind : audit_kinds()) {
    CAPTURE(kind->name);
    CHECK(!reported(kind->name, {}).text.empty());
    CHECK(reported(kind->name, {}).text.ends_with('\n'));
    const std::string text = reported(kind->name, places).text;
    // One line, which tells the worst alone; and nothing but findings.
    if (kind->name == "nagios" || kind->name == "sarif") continue;
    for (const AuditedPlace& place : places)
      CHECK_MESSAGE(text.find(place.place.name.raw()) != std::string::npos, text);
  }
}

TEST_CASE("what only all places together told is in every format, and no place stands for two") {
  const auto places = audit_places();
  const auto text = [&](std::string_view kind) {
    return reported(kind, places, audit_summary(places), std::nullopt, Emphasis::none, {compared_place()}).text;
  };
  for (const AuditKind* const kind : audit_kinds()) {
    CAPTURE(kind->name);
    if (kind->name == "nagios") continue;  // one line, which tells the worst alone
    const char* const told = kind->name == "prometheus" ? "rule=\"key-reused\"" : "one key for www.example.org";
    CHECK_MESSAGE(text(kind->name).find(told) != std::string::npos, text(kind->name));
    CHECK(reported(kind->name, places).text.find(told) == std::string::npos);
  }
  const json document = json::parse(text("json"));
  CHECK(document["places"].size() == 6);
  REQUIRE(document["compared"].size() == 1);
  CHECK(document["compared"][0]["name"] == "www.example.org:443");
  CHECK(document["compared"][0]["findings"][0]["rule"] == "key-reused");
  CHECK(json::parse(reported("json", places).text)["compared"] == json::array());
  CHECK(text("jsonl").find("{\"compared\":") != std::string::npos);
  const std::string page = text("html");
  const std::string table = page.substr(page.find("id=\"places\""));
  const auto row = table.find("www.example.org:443");
  REQUIRE(row != std::string::npos);
  CHECK(table.find("www.example.org:443", row + 1) == std::string::npos);
  const std::string of_it = table.substr(row, table.find("</tr>", row) - row);
  CHECK(of_it.find("no-post-quantum") != std::string::npos);
  CHECK(of_it.find("key-reused") != std::string::npos);
  CHECK(row < table.find("lab.example.org"));  // now worse than what is known
  CHECK(text("table").find("  www.example.org:443 at 10.0.0.1:443  compared with the others  prod\n"
                           "          warning key-reused: one key for") != std::string::npos);
  const std::string rows = text("csv");
  CHECK(rows.find(",compared,,,warning,key-reused,one key for www.example.org and old.example.org,") !=
        std::string::npos);
  CHECK(rows.ends_with(",,rack=r1,,,,,,,,,\r\n"));
}

TEST_CASE("an environment that another policy judged is told with it and its digest") {
  AuditHead head = audit_head();
  head.by_environment = {{"prod<", "modern 1.2", "abcdef0123456789"}};
  const auto told = [&](std::string_view kind) {
    std::string text;
    const auto sink = require_audit_kind(kind).open(
        {.write = [&](std::string_view part) { text += part; }, .width = {}, .emphasis = Emphasis::none});
    sink->begin(head);
    sink->end(audit_summary({}));
    return text;
  };
  CHECK(json::parse(told("json"))["audit"]["policies_of_environments"] ==
        json{{{"environment", "prod<"}, {"policy", "modern 1.2"}, {"hash", "abcdef0123456789"}}});
  CHECK(told("html").find("Of prod&lt;: policy modern 1.2 (SHA-256 <code>abcdef0123456789</code>)") !=
        std::string::npos);
  CHECK_MESSAGE(
      told("table").find("prod< is judged by modern 1.2 (SHA-256 abcdef012345), what has no policy of its own "
                         "by intermediate 6.0\n") != std::string::npos,
      told("table"));
  head.by_environment.clear();
  CHECK(told("table").find("judged by") == std::string::npos);
  CHECK(json::parse(told("json"))["audit"]["policies_of_environments"] == json::array());
}

TEST_CASE("an unknown format of an audit is a usage error that lists the known ones") {
  try {
    require_audit_kind("yaml");
    FAIL_CHECK("was accepted");
  } catch (const base::Error& error) {
    CHECK(error.fault() == base::Fault::usage);
    for (const AuditKind* const kind : audit_kinds())
      CHECK_MESSAGE(error.hint().find(kind->name) != std::string::npos, error.hint());
  }
}

TEST_CASE("JSON of an audit carries what is known, and null for what is not") {
  const json document = json::parse(reported("json", audit_places()).text);
  CHECK(document.begin().key() == "audit");  // sorted; the first member written is checked below
  CHECK(reported("json", {}).text.starts_with("{\n  \"everseal_format\": 1,"));
  CHECK(document["audit"]["policy"] == "intermediate 6.0");
  CHECK(document["places"].size() == 6);
  const json& fine = document["places"][0];
  CHECK(fine["labels"] == json{{"rack", "r1"}});
  CHECK(fine["managed"] == "www");
  CHECK(fine["ends"] ==
        json{{"leaf", "2027-02-01T08:00:00Z"}, {"earliest", "2027-02-01T08:00:00Z"}, {"path", "2027-02-01T08:00:00Z"}});
  CHECK(fine["timings_us"] == json{{"resolve", 800}, {"connect", 2500}, {"starttls", nullptr}, {"handshake", 12345}});
  CHECK(fine["certificates"][0]["names"] == json{"www.example.org"});
  const json& silent = document["places"][3];
  CHECK(silent["outcome"] == "timed_out");
  CHECK(silent["ends"] == json{{"leaf", nullptr}, {"earliest", nullptr}, {"path", nullptr}});
  CHECK(silent["timings_us"]["handshake"] == nullptr);
  CHECK(silent["certificates"] == json::array());
  CHECK(document["places"][1]["findings"][0]["since"] == "2026-11-27T08:00:00Z");
  CHECK(document["places"][4]["severity"] == nullptr);  // it is known of
  CHECK(document["places"][4]["findings"][0]["acknowledged"]["by"] == "alice");
  CHECK(document["rules"].size() == 5);
  CHECK(document["summary"]["findings"] == json{{"critical", 1}, {"error", 1}, {"warning", 1}, {"notice", 1}});
  CHECK(document["summary"]["exit_code"] == 3);
  CHECK(json::parse(reported("json", hostile_places(), hostile_summary()).text)["places"][0]["certificates"][0]["names"]
            .size() == 10'001);
}

TEST_CASE("JSON lines are documents of their own, each written when it is known") {
  std::vector<std::string> writes;
  const auto sink =
      require_audit_kind("jsonl").open({.write = [&](std::string_view text) { writes.emplace_back(text); }});
  sink->begin(audit_head());
  const auto places = audit_places();
  for (const AuditedPlace& place : places) {
    sink->place(place);
    CHECK(json::parse(writes.back())["place"]["name"] == place.place.name.raw());
  }
  CHECK(sink->end(audit_summary(places)) == 3);
  CHECK(writes.size() == 8);
  for (const std::string& line : writes) CHECK(line.find('\n') == line.size() - 1);
  CHECK(json::parse(writes.front())["everseal_format"] == 1);
  CHECK(json::parse(writes.back())["summary"]["looked"] == 6);
  const json document = json::parse(reported("json", places).text);
  CHECK(json::parse(writes[1])["place"] == document["places"][0]);
}
