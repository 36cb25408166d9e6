// The child's side of starting a program, a file of its own so that it can be seen to keep its one rule: between fork
// and exec only async-signal-safe calls, no allocation, no locks.
#pragma once

#include "base/ownership.h"

#include <optional>
#include <string>
#include <vector>

#include <sys/resource.h>

namespace everseal::base {

// All that the child needs, ready before the fork.
struct ChildPlan {
  std::string program;
  std::vector<std::string> environment;
  std::vector<char*> argv;
  std::vector<char*> envp;
  std::optional<Account> account;
  std::string directory;
  int input = -1;
  int output = -1;
  int errors = -1;
  int report = -1;
  int highest_descriptor = 1024;
  std::optional<rlimit> core;  // how large its core file may be, where that is not what this process has
};

// Where the child failed; written through a pipe that a successful exec closes.
struct ChildFailure {
  enum class Step : int { descriptors, directory, user, exec };
  Step step;
  int code;
};

// In the child: becomes the program, or reports a ChildFailure and ends.
[[noreturn]] void become(const ChildPlan& plan);

}  // namespace everseal::base
