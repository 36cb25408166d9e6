// Programs that Everseal starts: hooks, reloads, issuers. Argument vectors, never a shell.
#pragma once

#include "base/encoding.h"
#include "base/secret.h"

#include <chrono>
#include <cstddef>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace everseal::base {

// The kernel takes none that is longer, its name included (MAX_ARG_STRLEN on machines with pages of 4 KiB).
inline constexpr std::size_t kLongestVariable = (128 << 10) - 1;

struct Command {
  std::vector<std::string> argv;  // argv[0] is an absolute path, or a name that is looked up in a fixed PATH
  // Added to PATH, HOME, LANG and TZ, the only ones passed on. Values with NUL, and longer ones than kLongestVariable,
  // are refused.
  std::vector<std::pair<std::string, std::string>> environment;
  std::optional<std::string> user;  // run as; needs root. Groups are those of the user.
  Bytes input;                      // on stdin; then end of file
  std::chrono::milliseconds timeout{60'000};
  std::size_t output_limit = 1 << 20;  // octets kept: the first of the output, the last of the errors
  std::string directory = "/";
};

struct Exit {
  enum class How { exited, signalled, timed_out, cancelled, not_started };
  How how = How::not_started;
  int status = 0;  // exit status, the signal's number, or the milliseconds it was given before the time-out
  std::string output;
  std::string
      errors;  // like `output` as the program wrote it, or why it was not started: for describe(), not for showing
  bool truncated = false;
  bool success() const noexcept { return how == How::exited && status == 0; }
};
// "exited with status 1: THE LAST LINES OF ERRORS", "did not end within 60 s and was killed", ...; printable.
std::string describe(const Exit& exit);

// Runs to the end and says how it ended; throws only Error(invalid) for an unusable Command. The program leads a
// session of its own, without a terminal, inherits no descriptor but 0 to 2, default signal dispositions and an empty
// signal mask. At the time-out, or when `stop` is requested, the whole session and the program's descendants
// (base::Kin) get SIGTERM, and SIGKILL a second later or when the program has ended and nobody holds its output any
// more. When the program itself has ended, what it left running is not waited for, nor killed: a restart hook may start
// a daemon. Thread-safe.
Exit run(const Command& command, std::stop_token stop = {});

// From here on no core file of this process holds its keys, and no other process of its user may look into it. Programs
// that run() starts are not concerned. Called once, when the process begins.
void keep_memory_private() noexcept;

// The executable that argv[0] means, as run() finds it; nullopt where there is none.
std::optional<std::string> find_executable(const std::string& name);
// As root, throws Error(config) where anyone but root could change that executable: it would hand root to them.
void require_trusted_executable(const std::string& name);

}  // namespace everseal::base
