#include "base/error.h"
#include "base/log.h"
#include "base/process.h"
#include "base/text.h"
#include "command.h"
#include "parse.h"
#include "terminal.h"

#include <csignal>
#include <cstdio>
#include <stop_token>
#include <thread>

#include <fmt/format.h>
#include <unistd.h>

namespace everseal::cli {
namespace {

int exit_code(base::Fault fault) noexcept {
  switch (fault) {
    case base::Fault::usage:
    case base::Fault::config:
      return 2;
    case base::Fault::busy:
      return 75;
    default:
      return 1;
  }
}

void report(const base::Error& error, Output output) {
  if (output == Output::json) try {
    print_document(fmt::format(
        "{{\n  \"error\": {{\n    \"fault\": {},\n    \"message\": {},\n    \"hint\": {},\n    \"retry_at\": {},\n"
        "    \"exit_code\": {}\n  }}\n}}\n",
        base::json_string(to_string(error.fault())), base::json_string(error.message()),
        base::json_string(error.hint()),
        error.retry_at() ? base::json_string(base::format_time(*error.retry_at())) : "null", exit_code(error.fault())));
  } catch (const base::Error&) {
    // The standard output cannot be written: that is told below, where it can be.
  }
  std::string text = fmt::format("{} {}\n", styled("everseal:", Style::red, Stream::errors),
                                 flowed(error.message(), {10, 2}, Stream::errors));
  if (!error.hint().empty()) text += fmt::format("  {}\n", flowed(error.hint(), {2, 2}, Stream::errors));
  note(text, Weight::error);
}

// The first SIGINT or SIGTERM asks the command to stop at a safe point; a second one ends the program.
std::stop_token watch_signals() {
  static std::stop_source source;
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread([signals] {
    int signal = 0;
    if (sigwait(&signals, &signal) != 0) return;
    source.request_stop();
    if (sigwait(&signals, &signal) == 0) ::_exit(128 + signal);
  }).detach();
  return source.get_token();
}

// Options say which state's keys are handed out and which hooks run: a set-uid copy would do that for anybody.
void require_own_rights() {
  if (::geteuid() == ::getuid() && ::getegid() == ::getgid()) return;
  throw base::Error(base::Fault::denied, "everseal does not run set-uid or set-gid",
                    "take the bit away (chmod ug-s), and run it with sudo");
}

int run(int argc, char** argv) {
  base::keep_memory_private();
  Output output = Output::text;
  for (int i = 1; i < argc; ++i)
    if (std::string_view(argv[i]) == "--json") output = Output::json;
  try {
    require_own_rights();
    Parsed parsed = parse(argc, argv);
    if (parsed.text) {
      print(*parsed.text);
      return 0;
    }
    using base::log::Level;
    base::log::set_level(parsed.verbosity < 0    ? Level::error
                         : parsed.verbosity == 0 ? Level::warning
                         : parsed.verbosity == 1 ? Level::info
                                                 : Level::debug);
    parsed.context.stop = watch_signals();
    return parsed.command->run(parsed.context);
  } catch (const base::Error& error) {
    report(error, output);
    return exit_code(error.fault());
  } catch (const std::bad_alloc&) {
    report(base::Error(base::Fault::internal, "out of memory"), output);
    return 1;
  } catch (const std::exception& error) {
    report(base::Error(base::Fault::internal, base::printable(std::string_view(error.what())),
                       "this is a mistake in everseal; please report it"),
           output);
    return 1;
  }
}

}  // namespace
}  // namespace everseal::cli

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  return everseal::cli::run(argc, argv);
}
