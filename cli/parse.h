// The command line's grammar, made of the commands' descriptions. The only user of CLI11.
#pragma once

#include "command.h"

#include <optional>
#include <string>

namespace everseal::cli {

struct Parsed {
  const Command* command = nullptr;
  Context context;
  int verbosity = 0;                // -q: -1, -v: 1, -vv: 2
  std::optional<std::string> text;  // help or version instead of a command, for stdout
};

// Throws base::Error(usage) with a hint.
Parsed parse(int argc, char** argv);

}  // namespace everseal::cli
