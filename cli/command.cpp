#include "command.h"

#include "base/error.h"
#include "base/file.h"
#include "base/journal.h"
#include "base/log.h"
#include "base/number.h"
#include "base/text.h"
#include "config/load.h"
#include "reconcile/desired.h"
#include "report/json.h"
#include "terminal.h"
#include "unread.h"
#include "version.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>
#include <unistd.h>

namespace everseal::cli {
namespace {

// Lines to the journal carry their priority (sd-daemon(3)).
std::string prioritised(std::string_view text, Weight weight) {
  const std::string_view prefix = weight == Weight::error ? "<3>" : weight == Weight::warning ? "<4>" : "<6>";
  std::string out;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    out.append(prefix).append(line).push_back('\n');
    text.remove_prefix(std::min(text.size(), line.size() + 1));
  }
  return out;
}

bool goes_on_unread = false;
bool is_unread = false;  // nobody reads stdout any more

void put(int descriptor, std::string_view text, Weight weight) {
  if (descriptor == STDOUT_FILENO && is_unread) return;
  std::string lines;
  if (base::log::is_journal(descriptor)) text = lines = prioritised(text, weight);
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EPIPE && descriptor == STDOUT_FILENO && goes_on_unread) {
      is_unread = true;
      return;
    }
    if (written < 0 && errno == EPIPE) ::_exit(0);
    if (written < 0) {
      if (descriptor == STDERR_FILENO) return;
      throw base::errno_error("write to", "the standard output");
    }
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

// The line on the terminal that says what is waited for, written over by the next one.
bool is_waiting = false;

void end_waiting() {
  if (!is_waiting) return;
  is_waiting = false;
  put(STDERR_FILENO, "\r\x1b[K", Weight::plain);
}

void show_waiting(const std::string& text) {
  const auto columns = width(Stream::errors);
  if (!columns || !can_rewrite(Stream::errors)) return;
  std::string line = text;
  while (base::columns(line) + 1 > *columns) line.pop_back();
  put(STDERR_FILENO, fmt::format("\r\x1b[K{}", styled(line, Style::dim, Stream::errors)), Weight::plain);
  is_waiting = true;
}

}  // namespace

std::optional<std::string> Arguments::one(std::string_view name) const {
  const auto found = values.find(name);
  if (found == values.end() || found->second.empty()) return std::nullopt;
  return found->second.back();
}

std::vector<std::string> Arguments::all(std::string_view name) const {
  const auto found = values.find(name);
  return found == values.end() ? std::vector<std::string>() : found->second;
}

reconcile::Host Context::host(MissingConfig missing) const {
  reconcile::Host host;
  const auto main = missing == MissingConfig::refused ? config::find_main(config_file)
                                                      : config::place_of_main(config_file, state_option);
  std::optional<std::string> configured;
  config::Sources sources;
  if (main && (missing == MissingConfig::refused || std::filesystem::exists(*main)))
    sources = config::read_each({main, {}});
  configured = config::state_of(sources.files);
  host.state = config::absolute(state_option ? *state_option : config::default_state(configured, main));
  // Which state the file means is not known: another one must not be taken for it.
  if (!sources.unread.empty() && !state_option && !reconcile::remembers(host.state, *main, host.clock()))
    throw config::refusal({sources.unread.begin()->second});
  host.files = config::files(main, host.state);
  base::log::info("the config is {}, the state {}", to_string(host.files), base::printable(host.state));
  host.build_date = build_date();
  host.machine = base::read_machine_clock;
  // The tests' runs are nobody's history.
  if (const char* journal = std::getenv("EVERSEAL_JOURNAL"); journal == nullptr || std::string_view(journal) != "off")
    host.journal = base::write_journal;
  host.stop = stop;
  host.wait = wait;
  if (!quiet && output == Output::text)
    host.progress = [](const reconcile::Progress& progress) {
      // What is done or failed is the verdict's to say.
      const auto flow = [&](std::string_view end, std::size_t column) {
        return flowed(fmt::format("{}: {}{}", progress.subject, progress.text, end), {column, 4}, Stream::errors);
      };
      if (progress.kind == reconcile::Progress::Kind::waiting)
        show_waiting(fmt::format("{}: {}", progress.subject, progress.text));
      if (progress.kind == reconcile::Progress::Kind::doing)
        note(styled(flow(" ...", 0), Style::dim, Stream::errors) + "\n");
      if (progress.kind == reconcile::Progress::Kind::warning)
        note(fmt::format("{} {}\n", styled("warning:", Style::yellow, Stream::errors), flow("", 9)), Weight::warning);
    };
  return host;
}

void go_on_unread() { goes_on_unread = true; }

void print(std::string_view text, Weight weight) {
  end_waiting();
  put(STDOUT_FILENO, text, weight);
}

void note(std::string_view text, Weight weight) {
  end_waiting();
  put(STDERR_FILENO, text, weight);
}

void print_document(std::string_view object) {
  const auto open = object.find('{') + 1;
  const auto first = object.find_first_not_of(" \n", open);
  const std::string_view space = object.substr(open, first - open);
  const bool empty = object.substr(first).starts_with('}');
  std::string text = fmt::format("{{{}\"{}\": {}{}", space, report::kFormatKey, report::kFormat, empty ? "" : ",");
  text += object.substr(open);
  if (!text.ends_with('\n')) text += '\n';
  print(text);
}

void print_part(report::JsonWriter& writer) {
  print(writer.written());
  writer.clear();
}

namespace {

void show_outcome(const reconcile::Outcome& outcome) {
  const bool failed = is_failure(outcome.result);
  const bool warned = outcome.result == reconcile::Result::warned;
  const Style style = failed ? Style::red : warned ? Style::yellow : Style::green;
  const Weight weight = failed ? Weight::error : warned ? Weight::warning : Weight::plain;
  const std::string who = fmt::format("{}{}{}: ", outcome.subject, outcome.target.empty() ? "" : " ", outcome.target);
  const std::string how = ended(outcome);
  std::string text = who + styled(how, style, Stream::output);
  if (!outcome.text.empty())
    text += ": " + flowed(outcome.text, {base::columns(who) + base::columns(how) + 2, 4}, Stream::output);
  text += '\n';
  const auto below = [&](const std::string& line) {
    text += fmt::format("    {}\n", flowed(line, {4, 4}, Stream::output));
  };
  if (!outcome.facts.hint.empty()) below(outcome.facts.hint);
  if (outcome.facts.retry_at)
    below(fmt::format("it is tried again by itself from {}", base::format_time(*outcome.facts.retry_at)));
  print(text, weight);
}

}  // namespace

void show_remark(const reconcile::Remark& remark) {
  std::string text = fmt::format("{} {}\n", styled("warning:", Style::yellow, Stream::errors),
                                 flowed(fmt::format("{}: {}", remark.subject, remark.text), {9, 4}, Stream::errors));
  if (!remark.hint.empty()) text += fmt::format("    {}\n", flowed(remark.hint, {4, 4}, Stream::errors));
  note(text, Weight::warning);
}

int show(const Context& context, const reconcile::Verdict& verdict) {
  const int code = verdict.exit_code();
  if (context.output == Output::json) {
    print_document(reconcile::to_json(verdict));
    return code;
  }
  for (const reconcile::Remark& remark : verdict.remarks) show_remark(remark);
  for (const reconcile::Outcome& outcome : verdict.outcomes)
    if (!context.quiet || outcome.result != reconcile::Result::done) show_outcome(outcome);
  if (!verdict.outcomes.empty() || context.quiet) return code;
  if (verdict.standing_failures > 0)
    print(flowed(fmt::format("nothing was tried: {} earlier {} for the next attempt (`everseal plan` shows when)\n",
                             verdict.standing_failures,
                             verdict.standing_failures == 1 ? "failure waits" : "failures wait"),
                 {0, 4}, Stream::output),
          Weight::warning);
  else if (is_terminal(Stream::output))  // cron mails what is said
    print("nothing to do\n");
  return code;
}

void hand_over(const Context& context, HandOver form, base::BytesView bytes, mode_t mode) {
  const bool json = context.output == Output::json;
  const auto out = context.arguments.one("out");
  if (out) {
    base::write_file(*out, bytes, {.user = {}, .group = {}, .mode = mode});
    if (json) print_document(fmt::format("{{\n  \"file\": {},\n  \"text\": null\n}}\n", base::json_string(*out)));
  } else if (!json) {
    print(base::as_text(bytes));
  } else if (form == HandOver::text) {
    print_document(fmt::format("{{\n  \"file\": null,\n  \"text\": {}\n}}\n", base::json_string(base::as_text(bytes))));
  } else {
    throw base::Error(base::Fault::usage, "binary data is not printed as JSON", "name a file with --out");
  }
}

base::Name name_argument(const Context& context, std::string_view argument, std::string_view what) {
  return base::Name::parse(context.arguments.one(argument).value_or(""), what);
}

int number_argument(std::string_view text, std::string_view option) {
  constexpr int kLargest = 1'000'000;
  if (const auto number = base::parse_number<int>(text); number && *number >= 1 && *number <= kLargest) return *number;
  throw base::Error(base::Fault::usage,
                    fmt::format("{}: '{}' is no whole number from 1 to {}", option, base::printable(text), kLargest),
                    fmt::format("write for example {} 14", option));
}

base::Seconds duration_argument(std::string_view text, std::string_view option) {
  const auto duration = base::parse_duration(text);
  if (!duration)
    throw base::Error(base::Fault::usage, fmt::format("{}: '{}' is not a duration", option, base::printable(text)),
                      "write for example 30d, 36h or 15m");
  return *duration;
}

}  // namespace everseal::cli
