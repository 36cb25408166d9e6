#include "audit_rules.h"

#include "audit/rule.h"
#include "base/error.h"
#include "base/text.h"
#include "report/json.h"
#include "terminal.h"

#include <fmt/format.h>

namespace everseal::cli {
namespace {

const audit::Rule& require_rule(const std::string& id) {
  if (const audit::Rule* const rule = audit::find_rule(id)) return *rule;
  std::vector<std::string> known;
  for (const audit::Rule* const rule : audit::rules()) known.emplace_back(rule->id);
  const auto near = base::nearest(id, known);
  throw base::Error(
      base::Fault::usage, fmt::format("no rule is called '{}'", base::printable(id.substr(0, 80))),
      near ? fmt::format("did you mean '{}'?", *near) : fmt::format("the rules are {}", base::join(known, ", ")));
}

}  // namespace

int explain_rule(const Context& context, const std::string& id) {
  const audit::Rule& rule = require_rule(id);
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
