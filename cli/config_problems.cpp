#include "config_problems.h"

#include "base/text.h"
#include "command.h"
#include "reconcile/desired.h"

namespace everseal::cli {

void warn_of(const base::Problems& problems) {
  for (const reconcile::Outcome& problem : reconcile::outcomes_of(problems))
    show_remark({problem.step, problem.subject, problem.text, problem.facts.hint});
}

void warn_of_not_read(const reconcile::Host& host) { warn_of(config::not_read(host.files, host.state)); }

void write(report::JsonWriter& writer, const base::Problems& problems) {
  writer.begin_array();
  for (const base::Problem& problem : problems) {
    writer.begin_object().key("subject").value(problem.subject.empty() ? report::Cell()
                                                                       : report::Cell(problem.subject));
    writer.key("file").text(problem.origin.file).key("line").number(problem.origin.line);
    writer.key("key")
        .text(problem.key)
        .key("message")
        .text(problem.message)
        .key("hint")
        .text(problem.hint)
        .end_object();
  }
  writer.end_array();
}

std::string problems_in_json(const base::Problems& problems) {
  report::JsonWriter writer;
  write(writer, problems);
  return writer.written();
}

std::string json_or_null(std::string_view text) { return text.empty() ? "null" : base::json_string(text); }

}  // namespace everseal::cli
