#include "audit_rules.h"

#include "audit/rule.h"
#include "report/json.h"
#include "terminal.h"

#include <fmt/format.h>

namespace everseal::cli {
int explain_rule(const Context& context, const std::string& id) {
  const audit::Rule& rule = audit::require_rule(id);
  if (context.output == Output::json) {
    report::JsonWriter writer;
    writer.begin_object().key("rule").begin_object();
    writer.key("id").text(rule.id).key("severity").text(audit::to_string(rule.severity));
    writer.key("summary").text(rule.summary).key("meaning").text(rule.meaning);
    writer.key("remedy").text(rule.remedy).key("source").text(rule.source).end_object().end_object();
    print_document(writer.written());
    return 0;
  }
  const auto line = [](std::string_view title, std::string_view text) {
    return fmt::format("  {:<9} {}\n", title, flowed(text, {12, 12}, Stream::output));
  };
  print(fmt::format("{}: {}\n{}{}{}{}", styled(rule.id, Style::bold, Stream::output), rule.summary,
                    line("means", rule.meaning), line("do", rule.remedy),
                    line("severity", audit::to_string(rule.severity)), line("source", rule.source)));
  return 0;
}

}  // namespace everseal::cli
