// Ratios against a bare baseline, measured in one run. Nothing is asserted: a person reads the table.
#include "base/error.h"
#include "bench/measure.h"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace everseal;

namespace {

// In a process of its own: what a program is started from hands its peak memory on to it.
bool run_apart(void (*work)()) {
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    int status = 0;
    try {
      work();
    } catch (const base::Error& error) {
      fmt::print(stderr, "bench: {}\n", error.text());
      status = 1;
    } catch (const std::exception& error) {
      fmt::print(stderr, "bench: {}\n", error.what());
      status = 1;
    }
    std::fflush(nullptr);
    ::_exit(status);
  }
  int status = 0;
  return child > 0 && ::waitpid(child, &status, 0) == child && status == 0;
}

}  // namespace

int main(int argc, char** argv) {
  constexpr std::pair<const char*, void (*)()> kAll[] = {{"startup", bench::startup},
                                                         {"sign", bench::sign},
                                                         {"inventory", bench::inventory},
                                                         {"renew", bench::renew},
                                                         {"due", bench::due},
                                                         {"acme", bench::acme}};
  std::string only;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::string(argv[i]) == "--only") only = argv[i + 1];
    if (std::string(argv[i]) == "--scale") bench::scale = std::atof(argv[i + 1]);
  }
  bool failed = false;
  for (const auto& [name, work] : kAll)
    if (only.empty() || only == name) failed = !run_apart(work) || failed;
  return failed ? 1 : 0;
}
