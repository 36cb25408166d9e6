#include "command.h"

#include "base/error.h"
#include "base/file.h"
#include "base/journal.h"
#include "base/text.h"
#include "config/load.h"
#include "terminal.h"
#include "version.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>
#include <unistd.h>

namespace everseal::cli {
namespace {

void put(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EPIPE) ::_exit(0);
    if (written < 0) {
      if (descriptor == STDERR_FILENO) return;
      throw base::errno_error("write to", "the standard output");
    }
    text.remove_prefix(static_cast<std::size_t>(written));
  }
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
  if (main && (missing == MissingConfig::refused || std::filesystem::exists(*main)))
    configured = config::state_of(config::read_each({main, {}}).files);
  host.state = config::absolute(state_option ? *state_option : config::default_state(configured, main));
  host.files = config::files(main, host.state);
  host.build_date = build_date();
  host.machine = base::read_machine_clock;
  // The tests' runs are nobody's history.
  if (const char* journal = std::getenv("EVERSEAL_JOURNAL"); journal == nullptr || std::string_view(journal) != "off")
    host.journal = base::write_journal;
  host.stop = stop;
  if (!quiet && output == Output::text)
    host.progress = [](const reconcile::Progress& progress) {
      // What is done or failed is the verdict's to say.
      const auto flow = [&](std::string_view end, std::size_t column) {
        return flowed(fmt::format("{}: {}{}", progress.subject, progress.text, end), {column, 4}, Stream::errors);
      };
      if (progress.kind == reconcile::Progress::Kind::doing)
        note(styled(flow(" ...", 0), Style::dim, Stream::errors) + "\n");
      if (progress.kind == reconcile::Progress::Kind::warning)
        note(fmt::format("{} {}\n", styled("warning:", Style::yellow, Stream::errors), flow("", 9)));
    };
  return host;
}

void print(std::string_view text) { put(STDOUT_FILENO, text); }
void note(std::string_view text) { put(STDERR_FILENO, text); }

int show(const Context& context, const reconcile::Verdict& verdict) {
  if (context.output == Output::json) {
    print(reconcile::to_json(verdict) + "\n");
    return verdict.exit_code();
  }
  for (const reconcile::Outcome& outcome : verdict.outcomes) {
    if (context.quiet && outcome.result != reconcile::Result::failed) continue;
    const Style style = outcome.result == reconcile::Result::failed   ? Style::red
                        : outcome.result == reconcile::Result::warned ? Style::yellow
                                                                      : Style::green;
    const std::string who = fmt::format("{}{}{}: ", outcome.subject, outcome.target.empty() ? "" : " ", outcome.target);
    const std::string what = outcome.result == reconcile::Result::done
                                 ? outcome.step
                                 : fmt::format("{} {}", outcome.step, to_string(outcome.result));
    print(fmt::format("{}{}: {}\n", who, styled(what, style, Stream::output),
                      flowed(outcome.text, {who.size() + what.size() + 2, 4}, Stream::output)));
  }
  if (verdict.outcomes.empty() && !context.quiet) {
    if (verdict.standing_failures > 0)
      print(fmt::format(
          "nothing was tried; {} earlier failure(s) wait for their next attempt (`everseal plan` shows them)\n",
          verdict.standing_failures));
    else
      print("nothing to do\n");
  }
  return verdict.exit_code();
}

void hand_over(const Context& context, HandOver form, base::BytesView bytes, mode_t mode) {
  const bool json = context.output == Output::json;
  const auto out = context.arguments.one("out");
  if (out) {
    base::write_file(*out, bytes, {.user = {}, .group = {}, .mode = mode});
    if (json) print(fmt::format("{{\n  \"file\": {},\n  \"text\": null\n}}\n", base::json_string(*out)));
  } else if (!json) {
    print(base::as_text(bytes));
  } else if (form == HandOver::text) {
    print(fmt::format("{{\n  \"file\": null,\n  \"text\": {}\n}}\n", base::json_string(base::as_text(bytes))));
  } else {
    throw base::Error(base::Fault::usage, "binary data is not printed as JSON", "name a file with --out");
  }
}

base::Name name_argument(const Context& context, std::string_view argument, std::string_view what) {
  return base::Name::parse(context.arguments.one(argument).value_or(""), what);
}

base::Seconds duration_argument(std::string_view text, std::string_view option) {
  const auto duration = base::parse_duration(text);
  if (!duration)
    throw base::Error(base::Fault::usage, fmt::format("{}: '{}' is not a duration", option, base::printable(text)),
                      "write for example 30d, 36h or 15m");
  return *duration;
}

}  // namespace everseal::cli
