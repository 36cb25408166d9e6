// SARIF 2.1.0 (OASIS), for code scanning: the rules with their help, a result a finding. Results carry what makes them
// the same ones from run to run, and say who acknowledged them.
#include "report/audited.h"
#include "report/json.h"

#include <fmt/format.h>

namespace everseal::report {
namespace {

constexpr std::size_t kSarifFlushAt = 1 << 16;

std::string_view sarif_level(std::string_view severity) noexcept {
  return gravity(severity) >= gravity("error") ? "error" : severity == "warning" ? "warning" : "note";
}

// How code scanning orders what concerns security: 0 to 10.
std::string_view security_severity(std::string_view severity) noexcept {
  constexpr std::string_view kScores[] = {"0.0", "1.0", "4.5", "7.5", "9.5"};
  return kScores[gravity(severity)];
}

// RFC 3986: what is neither unreserved nor a mark that may stand in a path or authority is percent-encoded.
std::string uri_of(const AuditedPlace& place) {
  std::string uri = place.place.kind == inventory::PlaceKind::endpoint ? "tls://"
                    : place.place.kind == inventory::PlaceKind::name   ? "dns:"
                                                                       : "file://";
  for (const char c : place.place.name.raw()) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                          std::string_view("-._~/:[]").find(c) != std::string_view::npos;
    uri += is_plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return uri;
}

class SarifSink : public AuditSink {
 public:
  explicit SarifSink(Surface surface) : surface_(std::move(surface)) {}

  void begin(const AuditHead& head) override {
    rules_ = AuditedRules(head.rules);
    began_ = head.began;
    host_ = head.host;
    json_.begin_object();
    json_.key("$schema").text("https://json.schemastore.org/sarif-2.1.0.json");
    json_.key("version").text("2.1.0");
    json_.key("runs").begin_array().begin_object();
    json_.key("tool").begin_object().key("driver").begin_object();
    json_.key("name").text("Everseal");
    json_.key("version").text(head.version);
    json_.key("rules").begin_array();
    for (const AuditedRule& rule : head.rules) {
      index_.emplace(rule.id, static_cast<std::int64_t>(index_.size()));
      write_rule(rule);
    }
    json_.end_array().end_object().end_object();
    json_.key("properties").begin_object();
    json_.key("policy").text(head.policy);
    json_.key("policySha256").text(head.policy_hash);
    json_.end_object();
    json_.key("results").begin_array();
  }

  void place(const AuditedPlace& place) override {
    for (const AuditedFinding& one : place.findings) write_result(place, one);
    if (json_.written().size() >= kSarifFlushAt) flush();
  }

  int end(const AuditSummary& summary) override {
    json_.end_array();
    json_.key("invocations").begin_array().begin_object();
    json_.key("executionSuccessful").boolean(summary.not_looked == 0 && summary.looked > summary.failed);
    json_.key("startTimeUtc").time(began_);
    json_.key("endTimeUtc").time(summary.ended);
    json_.key("machine").text(host_);
    json_.key("exitCode").number(summary.exit_code);
    json_.key("toolExecutionNotifications").begin_array();
    for (const std::string& remark : summary.remarks) {
      json_.begin_object().key("level").text("note");
      write_message("message", remark);
      json_.end_object();
    }
    json_.end_array().end_object().end_array();
    json_.end_object().end_array().end_object();
    flush();
    return summary.exit_code;
  }

 private:
  void write_message(std::string_view key, std::string_view text) {
    json_.key(key).begin_object().key("text").text(text).end_object();
  }

  void write_rule(const AuditedRule& rule) {
    json_.begin_object();
    json_.key("id").text(rule.id);
    write_message("shortDescription", rule.summary);
    write_message("fullDescription", rule.meaning);
    write_message("help", fmt::format("{} {} Source: {}.", rule.meaning, rule.remedy, rule.source));
    json_.key("defaultConfiguration").begin_object().key("level").text(sarif_level(rule.severity)).end_object();
    json_.key("properties").begin_object();
    json_.key("tags").texts(std::array<std::string_view, 2>{"security", "tls"});
    json_.key("security-severity").text(security_severity(rule.severity));
    json_.end_object().end_object();
  }

  void write_result(const AuditedPlace& place, const AuditedFinding& one) {
    json_.begin_object();
    json_.key("ruleId").text(one.finding.rule);
    if (const auto at = index_.find(one.finding.rule); at != index_.end()) json_.key("ruleIndex").number(at->second);
    json_.key("level").text(sarif_level(one.finding.severity));
    write_message("message", one.finding.what);
    json_.key("locations").begin_array().begin_object();
    json_.key("physicalLocation").begin_object().key("artifactLocation").begin_object();
    json_.key("uri").text(uri_of(place));
    json_.end_object().end_object();
    json_.key("logicalLocations").begin_array().begin_object();
    json_.key("fullyQualifiedName").text(place.place.text());
    json_.end_object().end_array().end_object().end_array();
    json_.key("partialFingerprints").begin_object();
    json_.key("everseal/v1").text(base::hex(pki::sha256(base::as_bytes(rules_.identity(place, one)))));
    json_.end_object();
    json_.key("suppressions").begin_array();
    if (const auto& known = one.acknowledgement) {
      json_.begin_object().key("kind").text("external").key("status").text("accepted");
      json_.key("justification")
          .text(fmt::format("{} ({}, until {})", base::printable(known->reason), base::printable(known->actor),
                            base::format_time(known->until)));
      json_.end_object();
    } else if (one.in_baseline) {
      json_.begin_object().key("kind").text("external").key("status").text("accepted");
      json_.key("justification").text("it stands in the baseline").end_object();
    }
    json_.end_array();
    json_.key("properties").begin_object();
    json_.key("severity").text(one.finding.severity);
    json_.key("environment").text(place.place.environment);
    json_.key("team").text(place.place.team);
    json_.end_object().end_object();
  }

  void flush() {
    surface_.write(json_.written());
    json_.clear();
  }

  Surface surface_;
  JsonWriter json_{5};
  AuditedRules rules_;
  std::map<std::string, std::int64_t, std::less<>> index_;
  base::Time began_{};
  std::string host_;
};

std::unique_ptr<AuditSink> open_sarif(Surface surface) { return std::make_unique<SarifSink>(std::move(surface)); }

}  // namespace

extern const AuditKind sarif_audit_kind;
const AuditKind sarif_audit_kind{"sarif", "SARIF 2.1.0, for code scanning", open_sarif};

}  // namespace everseal::report
