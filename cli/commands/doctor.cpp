#include "reconcile/doctor.h"

#include "base/reprint.h"
#include "base/text.h"
#include "command.h"
#include "config_problems.h"
#include "reconcile/verbs/accept_clock.h"
#include "reconcile/verbs/mend.h"
#include "reconcile/verbs/rebuild.h"
#include "terminal.h"

#include <algorithm>
#include <ranges>
#include <string_view>

#include <fmt/format.h>

namespace everseal::cli {
namespace {

using reconcile::Complaint;

constexpr Argument kDoctorArguments[] = {
    {.name = "--accept-clock",
     .summary = "the clock is right: record that it jumped, and let nothing wait for a future that was none",
     .type = ArgumentType::flag},
    {.name = "--mend",
     .summary = "put right what needs no CA: live links, lost rows, files that the database knows",
     .type = ArgumentType::flag},
    {.name = "--rebuild",
     .summary =
         "recreate the database from what can be read of it and from the archive, the CAs and the accounts beside it",
     .type = ArgumentType::flag},
};

std::string json_of(const Complaint& one) {
  return fmt::format(
      "{{\"rule\": {}, \"severity\": {}, \"subject\": {}, \"what\": {}, \"remedy\": {}, \"command\": {}}}",
      base::json_string(one.rule), base::json_string(to_string(one.severity)), base::json_string(one.subject),
      base::json_string(one.what), json_or_null(one.remedy), json_or_null(one.command));
}

// A text of several lines stays one, each of them printable and broken at the terminal's width.
std::string lines_of(std::string_view text, std::size_t indent) {
  std::string lines;
  for (const auto line : std::views::split(text, '\n'))
    lines += fmt::format(
        "{:{}}{}\n", "", indent,
        flowed(base::reprinted(std::string_view(line.begin(), line.end())), {indent, indent + 4}, Stream::output));
  return lines;
}

void print_complaints(const Context& context, const reconcile::Host& host, const std::vector<Complaint>& complaints) {
  if (context.output == Output::json) {
    std::string list;
    for (const Complaint& one : complaints) list += fmt::format("{}\n    {}", list.empty() ? "" : ",", json_of(one));
    print_document(
        fmt::format("{{\n  \"state\": {},\n  \"main\": {},\n  \"conf_d\": {},\n  \"complaints\": [{}{}]\n}}\n",
                    base::json_string(host.state), json_or_null(host.files.main.value_or("")),
                    json_or_null(host.files.fragments), list, list.empty() ? "" : "\n  "));
    return;
  }
  for (const Complaint& one : complaints) {
    print(lines_of(
        one.severity == reconcile::Severity::warning ? fmt::format("warning: {}: {}", one.subject, one.what) : one.what,
        0));
    if (!one.remedy.empty()) print(lines_of(one.remedy, 2));
  }
  if (context.quiet) return;
  if (complaints.empty())
    print(lines_of(host.state + ": database, history, archive, deployed files, authorities and accounts are sound", 0));
  print(lines_of("the config is " + to_string(host.files), 0));
}

// A complaint that is an error is a failure that stands.
void add_what_is_left(const std::vector<Complaint>& complaints, reconcile::Verdict& verdict) {
  for (const Complaint& one : complaints) {
    verdict.remarks.push_back({one.rule, one.subject, one.what, one.remedy});
    if (one.severity == reconcile::Severity::error) ++verdict.standing_failures;
  }
}

int accept_clock(const Context& context, const reconcile::Host& host) {
  const reconcile::Verdict verdict = reconcile::accept_clock_verb.run(host, {}).verdict;
  if (context.output == Output::json)
    print_complaints(context, host, {});
  else if (!context.quiet)
    print(verdict.outcomes.front().text + "\n");
  return 0;
}

int run_doctor(Context& context) {
  const reconcile::Host host = context.host();
  int asked = 0;
  for (const char* const option : {"accept-clock", "rebuild", "mend"}) asked += context.arguments.has(option) ? 1 : 0;
  if (asked > 1)
    throw base::Error(base::Fault::usage, "--accept-clock, --mend and --rebuild are three things",
                      "ask for one of them");
  if (context.arguments.has("accept-clock")) return accept_clock(context, host);
  if (context.arguments.has("rebuild")) return show(context, reconcile::rebuild_verb.run(host, {}).verdict);
  const bool mends = context.arguments.has("mend");
  reconcile::Verdict verdict;
  if (mends) verdict = reconcile::mend_verb.run(host, {}).verdict;
  const bool is_text = context.output == Output::text;
  if (mends && is_text) show(context, verdict);
  // What is left is told at once; in the one document of --json among the verdict's remarks.
  const std::vector<Complaint> complaints = reconcile::examine(host);
  add_what_is_left(complaints, verdict);
  if (mends && !is_text) return show(context, verdict);
  print_complaints(context, host, complaints);
  return verdict.exit_code();
}

}  // namespace

extern const Command doctor_command;
const Command doctor_command{"doctor",
                             Group::care,
                             "look whether the state is sound, and mend it",
                             "  everseal doctor              # each complaint names the command that mends it\n"
                             "  everseal doctor --mend\n"
                             "  everseal doctor --rebuild    # when the database is lost; the old one is kept",
                             kDoctorArguments,
                             run_doctor};

}  // namespace everseal::cli
