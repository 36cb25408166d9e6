#include "show_plan.h"

#include "base/text.h"
#include "terminal.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace everseal::cli {
namespace {

nlohmann::ordered_json reasons(const std::vector<plan::Reason>& why) {
  auto list = nlohmann::ordered_json::array();
  for (const plan::Reason& reason : why) list.push_back({{"rule", to_string(reason.rule)}, {"text", reason.text}});
  return list;
}

std::string json_of(const std::vector<reconcile::PlannedSubject>& planned) {
  nlohmann::ordered_json document;
  auto& subjects = document["subjects"] = nlohmann::ordered_json::array();
  for (const reconcile::PlannedSubject& one : planned) {
    nlohmann::ordered_json subject{{"subject", one.subject},
                                   {"steps", nlohmann::ordered_json::array()},
                                   {"standing", reasons(one.standing)}};
    for (const reconcile::PlannedStep& step : one.steps)
      subject["steps"].push_back({{"step", step.text},
                                  {"gate", to_string(step.gate)},
                                  {"not_before", step.not_before == base::Time::max()
                                                     ? nlohmann::ordered_json()
                                                     : nlohmann::ordered_json(base::format_time(step.not_before))},
                                  {"why", reasons(step.why)}});
    if (one.rehearsal)
      subject["rehearsal"] = {{"issuer", one.rehearsal->target},
                              {"result", to_string(one.rehearsal->result)},
                              {"text", one.rehearsal->text}};
    if (one.look_again) subject["look_again"] = base::format_time(*one.look_again);
    subjects.push_back(std::move(subject));
  }
  return document.dump(2, ' ', true, nlohmann::json::error_handler_t::replace) + "\n";
}

// One line, however many the terminal makes of it.
std::string line(std::size_t indent, const std::string& text) {
  return std::string(indent, ' ') + flowed(text, {indent, indent + 4}, Stream::output) + "\n";
}

}  // namespace

int show_plan(const Context& context, const std::vector<reconcile::PlannedSubject>& planned) {
  const bool failed = std::ranges::any_of(planned, [](const reconcile::PlannedSubject& one) {
    return one.rehearsal && one.rehearsal->result == reconcile::Result::failed;
  });
  const int code = failed ? 1 : 0;
  if (context.output == Output::json) {
    print(json_of(planned));
    return code;
  }
  std::string text;
  for (const reconcile::PlannedSubject& one : planned) {
    text += styled(one.subject, Style::bold, Stream::output) + "\n";
    for (const reconcile::PlannedStep& step : one.steps) {
      std::string doing = step.text;
      if (step.gate == plan::Gate::needs_operator)
        doing += " (needs you)";
      else if (step.gate != plan::Gate::open)
        doing += fmt::format(" ({}, not before {})", to_string(step.gate), base::format_time(step.not_before));
      text += line(2, doing);
      for (const plan::Reason& reason : step.why) text += line(4, "because " + base::printable(reason.text));
    }
    for (const plan::Reason& reason : one.standing) text += line(2, base::printable(reason.text));
    if (one.rehearsal)
      text += line(
          2, fmt::format("rehearsed at {}: {}{}", one.rehearsal->target,
                         one.rehearsal->result == reconcile::Result::failed ? "failed: " : "", one.rehearsal->text));
  }
  print(text.empty() ? "nothing is managed yet; `everseal issue` begins\n" : text);
  return code;
}

}  // namespace everseal::cli
