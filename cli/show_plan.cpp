#include "show_plan.h"

#include "base/reprint.h"
#include "base/text.h"
#include "requests.h"
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

nlohmann::ordered_json text_or_none(std::string_view text) {
  return text.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(text);
}

nlohmann::ordered_json time_or_none(const std::optional<base::Time>& time) {
  return time ? nlohmann::ordered_json(base::format_time(*time)) : nlohmann::ordered_json();
}

nlohmann::ordered_json json_of(const reconcile::PlannedStep& step) {
  nlohmann::ordered_json action{{"kind", step.kind},
                                {"version", nullptr},
                                {"issuer", text_or_none(step.issuer)},
                                {"target", text_or_none(step.target)},
                                {"reason", text_or_none(step.reason)}};
  if (step.version) action["version"] = *step.version;
  nlohmann::ordered_json planned{{"action", std::move(action)},
                                 {"gate", to_string(step.gate)},
                                 {"not_before", nullptr},
                                 {"why", reasons(step.why)},
                                 {"text", step.text}};
  if (step.not_before != base::Time::max()) planned["not_before"] = base::format_time(step.not_before);
  return planned;
}

std::string json_of(const std::vector<reconcile::PlannedSubject>& planned) {
  nlohmann::ordered_json document;
  auto& subjects = document["subjects"] = nlohmann::ordered_json::array();
  for (const reconcile::PlannedSubject& one : planned) {
    nlohmann::ordered_json subject{{"subject", one.subject},
                                   {"steps", nlohmann::ordered_json::array()},
                                   {"standing", reasons(one.standing)},
                                   {"version", one.version ? nlohmann::ordered_json(*one.version) : nullptr},
                                   {"not_after", time_or_none(one.not_after)},
                                   {"renew_at", time_or_none(one.renew_at)},
                                   {"requests", nlohmann::ordered_json::parse(requests_in_json(one.requests))},
                                   {"look_again", time_or_none(one.look_again)},
                                   {"rehearsal", nullptr}};
    for (const reconcile::PlannedStep& step : one.steps) subject["steps"].push_back(json_of(step));
    if (one.rehearsal)
      subject["rehearsal"] = {{"issuer", one.rehearsal->target},
                              {"result", to_string(one.rehearsal->result)},
                              {"text", one.rehearsal->text}};
    subjects.push_back(std::move(subject));
  }
  return document.dump(2, ' ', true, nlohmann::json::error_handler_t::replace) + "\n";
}

// What keeps a step from being done now.
std::string held_by(const reconcile::PlannedStep& step) {
  switch (step.gate) {
    case plan::Gate::open:
      return {};
    case plan::Gate::backing_off:
      return fmt::format(" (waits until {})", base::format_time(step.not_before));
    case plan::Gate::needs_operator:
      return " (needs you)";
    case plan::Gate::clock_untrusted:
      return " (waits until the clock is right)";
  }
  return {};
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
    print_document(json_of(planned));
    return code;
  }
  std::string text;
  for (const reconcile::PlannedSubject& one : planned) {
    text += styled(one.subject, Style::bold, Stream::output) + "\n";
    for (const reconcile::PlannedStep& step : one.steps) {
      text += line(2, step.text + held_by(step));
      for (const plan::Reason& reason : step.why) text += line(4, "because " + base::reprinted(reason.text));
    }
    for (const plan::Reason& reason : one.standing) text += line(2, base::reprinted(reason.text));
    if (one.rehearsal)
      text += line(
          2, fmt::format("rehearsed at {}: {}{}", one.rehearsal->target,
                         one.rehearsal->result == reconcile::Result::failed ? "failed: " : "", one.rehearsal->text));
  }
  print(text.empty() ? "nothing is managed yet; `everseal issue` begins\n" : text);
  return code;
}

}  // namespace everseal::cli
