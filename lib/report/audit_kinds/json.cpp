// {"everseal_format": 1, "audit": {...}, "places": [{...}, ...], "compared": [...], "rules": [...], "summary": {...}}:
// one document, a place a line, written as the places come. What only all places together tell of one stands in
// `compared`. The rules are those that something was found of.
#include "report/audit_json.h"

#include <set>
#include <utility>

namespace everseal::report {
namespace {

constexpr std::size_t kAuditFlushAt = 1 << 16;

class AuditJsonSink : public AuditSink {
 public:
  explicit AuditJsonSink(Surface surface) : surface_(std::move(surface)) {}

  void begin(const AuditHead& head) override {
    rules_ = AuditedRules(head.rules);
    json_.begin_object().key(kFormatKey).number(kFormat).key("audit");
    write_head(json_, head);
    json_.key("places").begin_array();
  }

  void place(const AuditedPlace& place) override {
    write_place(json_, place);
    for (const AuditedFinding& one : place.findings) found_.insert(one.finding.rule);
    if (json_.written().size() >= kAuditFlushAt) flush();
  }

  void compared(const AuditedPlace& place) override {
    if (!std::exchange(compares_, true)) json_.end_array().key("compared").begin_array();
    write_compared(json_, place);
    for (const AuditedFinding& one : place.findings) found_.insert(one.finding.rule);
  }

  int end(const AuditSummary& summary) override {
    if (!compares_) json_.end_array().key("compared").begin_array();
    json_.end_array().key("rules").begin_array();
    for (const std::string& id : found_)
      if (const AuditedRule* const rule = rules_.find(id)) write_rule(json_, *rule);
    json_.end_array().key("summary");
    write_summary(json_, summary);
    json_.end_object();
    flush();
    return summary.exit_code;
  }

 private:
  void flush() {
    surface_.write(json_.written());
    json_.clear();
  }

  Surface surface_;
  JsonWriter json_;
  AuditedRules rules_;
  bool compares_ = false;  // behind the places
  std::set<std::string> found_;
};

std::unique_ptr<AuditSink> open_audit_json(Surface surface) {
  return std::make_unique<AuditJsonSink>(std::move(surface));
}

}  // namespace

extern const AuditKind json_audit_kind;
const AuditKind json_audit_kind{"json", "one JSON document, for programs", open_audit_json};

}  // namespace everseal::report
