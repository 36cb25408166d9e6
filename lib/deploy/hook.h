// The command that a deployment runs: a reload, a restart, or the deployment itself.
#pragma once

#include "base/options.h"
#include "base/process.h"

#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace everseal::deploy {

using Environment = std::vector<std::pair<std::string, std::string>>;

struct Hook {
  std::vector<std::string> argv;  // empty: none
  std::optional<std::string> user;
  std::chrono::milliseconds timeout;
};

// The hook whose argv is the option `command`; `user` and `timeout` come from the options of those names.
Hook read_hook(const base::Options& options, std::string_view command);

// Throws Error(config) for a hook that root must not run; how the program ended is the result.
base::Exit run(const Hook& hook, Environment environment, std::stop_token stop);

}  // namespace everseal::deploy
