// What stood in a report of before.
#include "scan/baseline.h"

#include "base/error.h"
#include "error_of.h"
#include "fakes/temporary_directory.h"

#include <fstream>
#include <string>

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace everseal::scan {
namespace {

const std::string kLeaf(64, 'a');
const std::string kOther(64, 'b');

std::string written(const fakes::TemporaryDirectory& directory, const std::string& text) {
  std::ofstream(directory / "report.json") << text;
  return directory / "report.json";
}

std::string report_of(const std::string& places) {
  return fmt::format(
      "{{\n\"everseal_format\": 1,\n\"audit\": {{\"began\": \"2026-11-30T00:00:00Z\"}},\n\"places\": [{}],\n"
      "\"rules\": [{{\"id\": \"x\", \"share\": 0.5}}],\n\"summary\": {{\"looked\": null}}\n}}\n",
      places);
}

std::string place_text(const std::string& name, const std::string& address, const std::string& findings) {
  return fmt::format(
      "{{\"name\": \"{}\", \"address\": {}, \"labels\": {{\"rule\": \"x\", \"rule\": \"y\"}}, "
      "\"managed\": null, \"certificates\": [{{\"key\": [[{{}}]]}}], \"findings\": [{}]}}",
      name, address.empty() ? "null" : "\"" + address + "\"", findings);
}

std::string finding_text(const std::string& rule, const std::string& severity, const std::string& certificate,
                         const std::string& acknowledged = "null") {
  return fmt::format(
      "{{\"rule\": \"{}\", \"severity\": \"{}\", \"what\": \"w\", \"certificate\": {}, "
      "\"acknowledged\": {}}}",
      rule, severity, certificate.empty() ? "null" : "\"" + certificate + "\"", acknowledged);
}

inventory::PlaceRecord place_at(const std::string& name, const std::string& address) {
  inventory::PlaceRecord place;
  place.name = base::Untrusted(name);
  place.address = address;
  return place;
}

inventory::FindingRecord finding_of(const std::string& rule, audit::Severity severity,
                                    const std::string& certificate = {}) {
  REQUIRE(audit::find_rule(rule) != nullptr);
  inventory::FindingRecord finding;
  finding.rule = rule;
  finding.severity = audit::to_string(severity);
  if (!certificate.empty()) finding.certificate = pki::Fingerprint::parse(certificate);
  return finding;
}

}  // namespace

TEST_CASE("a finding is held where it stood at its place, about its certificate, no less gravely") {
  const fakes::TemporaryDirectory directory;
  const Baseline baseline = Baseline::read(written(
      directory,
      report_of(
          place_text("a:443", "10.0.0.1:443",
                     finding_text("expiring", "warning", kLeaf) + ", " + finding_text("name-mismatch", "error", "")) +
          ",\n" + place_text("a:443", "10.0.0.2:443", "") + ",\n" +
          place_text("/etc/ssl/a.pem", "", finding_text("weak-key", "error", kLeaf)) + ",\n" +
          place_text("b:443", "10.0.0.3:443",
                     finding_text("self-signed", "error", kLeaf, "{\"until\": \"2026-12-30T00:00:00Z\"}")))));
  using enum audit::Severity;
  struct Row {
    const char *name, *address, *rule;
    audit::Severity severity;
    std::string certificate;
    bool held;
  };
  const Row rows[] = {
      {"a:443", "10.0.0.1:443", "expiring", warning, kLeaf, true},
      {"a:443", "10.0.0.1:443", "expiring", notice, kLeaf, true},
      {"a:443", "10.0.0.1:443", "expiring", critical, kLeaf, false},
      {"a:443", "10.0.0.1:443", "expiring", warning, kOther, true},  // of the place, whichever certificate
      {"a:443", "10.0.0.1:443", "name-mismatch", error, {}, true},
      {"a:443", "10.0.0.1:443", "self-signed", error, kLeaf, false},
      {"a:443", "10.0.0.2:443", "name-mismatch", error, {}, false},  // looked at then, and it was well
      {"a:443", "10.0.0.9:443", "name-mismatch", error, {}, true},   // the name leads elsewhere now
      {"/etc/ssl/a.pem", "", "weak-key", error, kLeaf, true},
      {"/etc/ssl/a.pem", "", "weak-key", error, kOther, false},
      {"c:443", "10.0.0.1:443", "name-mismatch", error, {}, false},
      {"b:443", "10.0.0.3:443", "self-signed", error, kLeaf, false},  // that was known until a day
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CAPTURE(row.address);
    CAPTURE(row.rule);
    CHECK(baseline.holds(place_at(row.name, row.address), finding_of(row.rule, row.severity, row.certificate)) ==
          row.held);
  }
}

TEST_CASE("what is no report is refused with its file and line") {
  struct Row {
    std::string text;
    const char* says;
  };
  const std::string good = report_of(place_text("a:443", "", finding_text("expiring", "warning", "")));
  const Row rows[] = {
      {"", "report.json:1: the JSON ends too early"},
      {"[]", "report.json:1: not an object"},
      {"{}", "no \"everseal_format\""},
      {"{\"everseal_format\": 2, \"audit\": {}, \"places\": []}", "newer Everseal"},
      {"{\"everseal_format\": 1, \"certificates\": []}", "it is no report of an audit"},
      {"{\"everseal_format\": 1,\n\"audit\": {},\n\"places\": 7}", "report.json:3: no list \"places\""},
      {"{\"everseal_format\": 1,\n\"audit\": {},\n\"places\": [\n7]}", "report.json:4: a place that is no object"},
      {report_of("\n{\"name\": \"a\"}"), "report.json:5: no list \"findings\""},
      {report_of("\n{\"findings\": []}"), "report.json:5: no \"name\""},
      {report_of(place_text("a", "", "\n{\"rule\": \"expiring\"}")), "report.json:5: no \"severity\""},
      {report_of(place_text("a", "", "\n" + finding_text("expiring", "bad", ""))),
       "report.json:5: 'bad' is no severity"},
      {good.substr(0, good.size() - 20), "report.json:"},
      {good + "x", "report.json:8"},
  };
  const fakes::TemporaryDirectory directory;
  CHECK(Baseline::read(written(directory, good)).size() > 0);
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto error = error_of([&] { Baseline::read(written(directory, row.text)); });
    CHECK(error.fault() == base::Fault::config);
    CHECK_MESSAGE(error.message().find(row.says) != std::string::npos, error.message());
  }
}

}  // namespace everseal::scan
