// A JSON document a line, written at once: {"audit": {...}}, {"place": {...}} for each, {"compared": {...}}
// for each place of which all together told more, {"summary": {...}}. The first one carries everseal_format.
#include "report/audit_json.h"

namespace everseal::report {
namespace {

class JsonLinesSink : public AuditSink {
 public:
  explicit JsonLinesSink(Surface surface) : surface_(std::move(surface)) {}

  void begin(const AuditHead& head) override {
    json_.begin_object().key(kFormatKey).number(kFormat).key("audit");
    write_head(json_, head);
    end_line();
  }

  void place(const AuditedPlace& place) override {
    json_.begin_object().key("place");
    write_place(json_, place);
    end_line();
  }

  void compared(const AuditedPlace& place) override {
    json_.begin_object().key("compared");
    write_compared(json_, place);
    end_line();
  }

  int end(const AuditSummary& summary) override {
    json_.begin_object().key("summary");
    write_summary(json_, summary);
    end_line();
    return summary.exit_code;
  }

 private:
  void end_line() {
    json_.end_object();
    surface_.write(json_.written());
    json_.clear();
  }

  Surface surface_;
  JsonWriter json_{0};
};

std::unique_ptr<AuditSink> open_json_lines(Surface surface) {
  return std::make_unique<JsonLinesSink>(std::move(surface));
}

}  // namespace

extern const AuditKind jsonl_audit_kind;
const AuditKind jsonl_audit_kind{"jsonl", "a JSON document a line, as the audit goes on", open_json_lines};

}  // namespace everseal::report
