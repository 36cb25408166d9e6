// JUnit's XML, for CI systems: a test suite a place, a test case a finding. What the audit fails for is a failure, a
// place that could not be looked at an error, what somebody acknowledged is skipped, and all else passes and says what
// it is.
#include "report/audited.h"
#include "report/markup.h"

#include <fmt/format.h>

namespace everseal::report {
namespace {

class JUnitSink : public AuditSink {
 public:
  explicit JUnitSink(Surface surface) : surface_(std::move(surface)) {}

  void begin(const AuditHead& head) override {
    rules_ = AuditedRules(head.rules);
    host_ = head.host.empty() ? "localhost" : markup(head.host);
    fails_from_ = gravity(head.fail_on);
    surface_.write("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
  }

  void place(const AuditedPlace& place) override {
    const std::string name = markup_of_printable(place.place.text());
    std::string cases, said;
    int errors = 0, failures = 0, skipped = 0;
    for (const AuditedFinding& one : place.findings) {
      cases += fmt::format("    <testcase classname=\"{}\" name=\"{}\" time=\"0\">", name, markup(one.finding.rule));
      const std::string what = markup_of_printable(one.finding.what);
      if (!counts(one)) {
        ++skipped;
        cases += fmt::format("<skipped message=\"{}\"/>", known_text(one));
      } else if (rules_.is_failure(one)) {
        ++errors;
        cases += problem("error", one, what);
      } else if (gravity(one.finding.severity) >= fails_from_) {
        ++failures;
        cases += problem("failure", one, what);
      } else {
        // Ant's schema has such text for a suite alone.
        said += fmt::format("{} {}: {}\n", markup(one.finding.severity), markup(one.finding.rule), what);
      }
      cases += "</testcase>\n";
    }
    if (place.findings.empty())
      cases = fmt::format("    <testcase classname=\"{}\" name=\"no-finding\" time=\"0\"/>\n", name);
    surface_.write(fmt::format(
        "  <testsuite name=\"{}\" id=\"{}\" package=\"everseal.audit\" timestamp=\"{}\" hostname=\"{}\" tests=\"{}\" "
        "failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{:.6f}\">\n    <properties/>\n{}    "
        "<system-out>{}</system-out>\n    "
        "<system-err/>\n  </testsuite>\n",
        name, id_++, timestamp(place.probe.at), host_, std::max<std::size_t>(place.findings.size(), 1), failures,
        errors, skipped, seconds(place), cases, said));
  }

  int end(const AuditSummary& summary) override {
    surface_.write("</testsuites>\n");
    return summary.exit_code;
  }

 private:
  // The schemas in use take a time without zone alone; it is UTC.
  static std::string timestamp(base::Time time) {
    std::string text = base::format_time(time);
    text.pop_back();
    return text;
  }

  static double seconds(const AuditedPlace& place) {
    std::chrono::microseconds sum{};
    for (const auto& time : {place.resolve, place.connect, place.starttls, place.probe.handshake})
      sum += time.value_or(std::chrono::microseconds{});
    return std::chrono::duration<double>(sum).count();
  }

  static std::string known_text(const AuditedFinding& one) {
    if (!one.acknowledgement) return "it stands in the baseline";
    return fmt::format("known until {}: {} ({})", base::format_time(one.acknowledgement->until),
                       markup(one.acknowledgement->reason), markup(one.acknowledgement->actor));
  }

  std::string problem(std::string_view element, const AuditedFinding& one, const std::string& what) const {
    std::string text = what;
    if (const AuditedRule* const rule = rules_.find(one.finding.rule))
      text = fmt::format("{}\n{}\n{}\n{}", what, markup(rule->meaning), markup(rule->remedy), markup(rule->source));
    return fmt::format("<{0} type=\"{1}\" message=\"{2}\">{3}</{0}>", element, markup(one.finding.severity), what,
                       text);
  }

  Surface surface_;
  AuditedRules rules_;
  std::string host_;
  int fails_from_ = 0;
  std::int64_t id_ = 0;
};

std::unique_ptr<AuditSink> open_junit(Surface surface) { return std::make_unique<JUnitSink>(std::move(surface)); }

}  // namespace

extern const AuditKind junit_audit_kind;
const AuditKind junit_audit_kind{"junit", "test results as XML, for CI systems", open_junit};

}  // namespace everseal::report
